// What was drawn in a chart: where along its width there is something of a colour.

/**
 * For each of `parts` equal parts of the plotted width, whether any pixel in it has the colour of the first course.
 */
export function partsWithCourse(chart, parts) {
  return chart.evaluate((box, count) => {
    const [canvas, over] = [box.querySelector('canvas'), box.querySelector('.u-over')];
    const copy = blank(canvas.width, canvas.height);
    copy.drawImage(canvas, 0, 0);
    const scale = canvas.width / canvas.getBoundingClientRect().width;
    const left = (over.getBoundingClientRect().left - canvas.getBoundingClientRect().left) * scale;
    const width = over.getBoundingClientRect().width * scale;
    const wanted = colorOf('--course-0');
    const near = (data, at) => wanted.every((part, index) => Math.abs(data[at + index] - part) < 24);
    return Array.from({ length: count }, (_, part) => {
      // Without the edges, which the neighbours' strokes touch.
      const [start, wide] = [left + (width * (part + 0.2)) / count, (width * 0.6) / count];
      const { data } = copy.getImageData(start, 0, Math.max(1, wide), canvas.height);
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && near(data, at)) return true;
      return false;
    });

    function blank(wide, high) {
      return Object.assign(document.createElement('canvas'), { width: wide, height: high }).getContext('2d', { willReadFrequently: true });
    }

    function colorOf(name) {
      const probe = blank(1, 1);
      probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      probe.fillRect(0, 0, 1, 1);
      return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }
  }, parts);
}
