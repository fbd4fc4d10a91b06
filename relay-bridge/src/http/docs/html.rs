//! HTML that is put together without a way around escaping.

/// A piece of a page. Only markup that stands in this program goes in as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Markup of ours.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Any text, between tags or inside a quoted attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// A text between two tags.
    pub(super) fn inside(
        &mut self,
        open: &'static str,
        text: &str,
        close: &'static str,
    ) -> &mut Self {
        self.raw(open).text(text).raw(close)
    }

    /// A link to a place on the page.
    pub(super) fn link(&mut self, place: &'static str, name: &str) -> &mut Self {
        self.raw("<a href=\"#").raw(place).text(name).raw("\">").text(name).raw("</a>")
    }

    /// Another piece.
    pub(super) fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// Paragraphs, with code between backticks.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            self.raw("<p>").line(paragraph).raw("</p>\n");
        }
        self
    }

    /// One paragraph without its tags.
    pub(super) fn line(&mut self, text: &str) -> &mut Self {
        for (index, part) in text.split('`').enumerate() {
            if index % 2 == 1 {
                self.inside("<code>", part, "</code>");
            } else {
                self.text(part);
            }
        }
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_could_end_a_tag_or_an_attribute_is_escaped() {
        let mut html = Html::new();
        html.text("<a href=\"x\" title='y'>&").prose("`<b>`\n\n</p>").link("at-", "\"><script>");
        let text = html.into_string();
        assert_eq!(
            text,
            "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;<p><code>&lt;b&gt;</code></p>\n\
             <p>&lt;/p&gt;</p>\n<a href=\"#at-&quot;&gt;&lt;script&gt;\">&quot;&gt;&lt;script&gt;</a>"
        );
    }
}
