//! Whether this host is a container or a virtual machine, from what its files say.

use sysmaint_protocol::sample::{
    Container::{self, Docker, Kubernetes, Lxc, Openvz, Podman, SystemdNspawn, Wsl},
    Hypervisor::{
        self, Amazon, Apple, Bhyve, Bochs, Google, Kvm, Microsoft, Oracle, Parallels, Qemu, Vmware,
        Xen,
    },
    Virtualization,
};

use super::machine::{Files, field};

/// What a runtime calls itself to the first process.
const RUNTIMES: [(&str, Container); 6] = [
    ("docker", Docker),
    ("lxc", Lxc),
    ("lxc-libvirt", Lxc),
    ("podman", Podman),
    ("systemd-nspawn", SystemdNspawn),
    ("wsl", Wsl),
];

/// What only a container's groups are called.
const GROUPS: [(&str, Container); 5] = [
    ("kubepods", Kubernetes),
    ("libpod", Podman),
    ("docker", Docker),
    ("/lxc/", Lxc),
    ("/lxc.payload", Lxc),
];

/// How makers of virtual hardware begin their names. KVM comes last but for what it runs under.
const MAKERS: [(&str, Hypervisor); 20] = [
    ("Amazon EC2", Amazon),
    ("Apple Virtualization", Apple),
    ("BHYVE", Bhyve),
    ("Bochs", Bochs),
    ("Google", Google),
    ("Hyper-V", Microsoft),
    ("Microsoft Corporation", Microsoft),
    ("Parallels", Parallels),
    ("VMware", Vmware),
    ("VMW", Vmware),
    ("VirtualBox", Oracle),
    ("Oracle Corporation", Oracle),
    ("innotek GmbH", Oracle),
    ("Xen", Xen),
    ("HVM domU", Xen),
    ("KVM", Kvm),
    ("KubeVirt", Kvm),
    ("OpenStack", Kvm),
    ("Red Hat", Kvm),
    ("QEMU", Qemu),
];

/// Where makers write their names.
const HARDWARE: [&str; 4] = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"];

/// Clocks that a hypervisor offers its guests.
const CLOCKS: [(&str, Hypervisor); 3] =
    [("kvm-clock", Kvm), ("hyperv_clocksource", Microsoft), ("xen", Xen)];

/// The innermost that can be told; `None` where nothing tells anything. `processors` is what
/// `cpuinfo` says.
pub(super) fn detect(files: &Files, processors: &str) -> Option<Virtualization> {
    if let Some(runtime) = container(files) {
        return Some(Virtualization::Container(runtime));
    }
    let maker = maker(files);
    // Where there is a list of flags, a machine without this one is none of its maker's virtual
    // ones, whatever its name.
    let virtual_cpu = field(processors, "flags")
        .map(|flags| flags.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
    match (virtual_cpu, maker) {
        (Some(false), _) => Some(Virtualization::None),
        (Some(true), maker) => {
            let known = clock(files).or(maker).unwrap_or(Hypervisor::Other);
            // A cloud's own name says more than the hypervisor below it.
            let named = maker.filter(|maker| matches!(maker, Amazon | Google)).unwrap_or(known);
            Some(Virtualization::Machine(named))
        }
        (None, Some(maker)) => Some(Virtualization::Machine(maker)),
        (None, None) => files.has("sys/class/dmi/id/sys_vendor").then_some(Virtualization::None),
    }
}

fn container(files: &Files) -> Option<Container> {
    if files.has("proc/vz") && !files.has("proc/bc") {
        return Some(Openvz);
    }
    let told =
        files.text("run/systemd/container").or_else(|| files.text("run/host/container-manager"));
    let named = told.map(|name| name.trim().to_owned()).or_else(|| environment(files));
    if let Some(name) = named.filter(|name| !name.is_empty()) {
        let runtime = RUNTIMES.iter().find(|(known, _)| *known == name);
        return Some(runtime.map_or(Container::Other, |(_, runtime)| *runtime));
    }
    let group = groups(files);
    if group == Some(Kubernetes) {
        return group;
    }
    if files.has("run/.containerenv") {
        return Some(Podman);
    }
    if files.has(".dockerenv") {
        return Some(Docker);
    }
    let release = files.text("proc/sys/kernel/osrelease").unwrap_or_default();
    if release.contains("Microsoft") || release.contains("WSL") {
        return Some(Wsl);
    }
    group
}

/// What the first process was told; only root may read it.
fn environment(files: &Files) -> Option<String> {
    let environment = files.text("proc/1/environ")?;
    environment.split('\0').find_map(|entry| entry.strip_prefix("container=")).map(str::to_owned)
}

/// By the groups of the first process.
fn groups(files: &Files) -> Option<Container> {
    let groups = files.text("proc/1/cgroup")?;
    GROUPS.iter().find(|(part, _)| groups.contains(part)).map(|(_, runtime)| *runtime)
}

fn maker(files: &Files) -> Option<Hypervisor> {
    let known = |text: &str| {
        MAKERS.iter().find(|(name, _)| text.trim().starts_with(name)).map(|(_, maker)| *maker)
    };
    let read = |name: &&str| files.text(&format!("sys/class/dmi/id/{name}"));
    let named = HARDWARE.iter().filter_map(read).find_map(|text| known(&text));
    let xen = || files.text("sys/hypervisor/type").filter(|kind| kind.trim() == "xen");
    named.or_else(|| xen().map(|_| Xen))
}

fn clock(files: &Files) -> Option<Hypervisor> {
    let path = "sys/devices/system/clocksource/clocksource0/available_clocksource";
    let clocks = files.text(path)?;
    CLOCKS.iter().find(|(name, _)| clocks.contains(name)).map(|(_, maker)| *maker)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const BARE: &str = "flags\t\t: fpu sse2";
    const GUEST: &str = "flags\t\t: fpu hypervisor sse2";
    const VENDOR: &str = "sys/class/dmi/id/sys_vendor";
    const PRODUCT: &str = "sys/class/dmi/id/product_name";

    /// What a host with these files is.
    fn of(processors: &str, files: &[(&str, &str)]) -> Option<String> {
        let root = TempDir::new().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        detect(&Files::below(root.path()), processors).map(|kind| kind.to_string())
    }

    #[test]
    fn a_container_is_told_by_what_its_runtime_leaves() {
        let told = |files: &[(&str, &str)]| of(GUEST, files).unwrap();
        assert_eq!(told(&[(".dockerenv", "")]), "container:docker");
        assert_eq!(told(&[("run/.containerenv", "engine=\"podman\"")]), "container:podman");
        assert_eq!(
            told(&[("run/systemd/container", "systemd-nspawn\n")]),
            "container:systemd-nspawn"
        );
        assert_eq!(told(&[("proc/1/environ", "HOME=/\0container=lxc\0")]), "container:lxc");
        assert_eq!(told(&[("run/host/container-manager", "new-one")]), "container:other");
        assert_eq!(told(&[("proc/vz/veinfo", "")]), "container:openvz");
        let release = "5.15.1-microsoft-standard-WSL2";
        assert_eq!(told(&[("proc/sys/kernel/osrelease", release)]), "container:wsl");
    }

    #[test]
    fn a_container_is_told_by_the_groups_of_its_first_process() {
        let told = |group: &str| of(BARE, &[("proc/1/cgroup", group)]).unwrap();
        assert_eq!(told("0::/kubepods.slice/pod1/cri-containerd-1.scope"), "container:kubernetes");
        assert_eq!(told("12:cpu:/docker/0123"), "container:docker");
        assert_eq!(told("0::/lxc.payload.web"), "container:lxc");
        assert_eq!(told("0::/init.scope"), "none");
    }

    #[test]
    fn a_pod_that_docker_runs_is_a_pod() {
        let files = [(".dockerenv", ""), ("proc/1/cgroup", "1:cpu:/kubepods/besteffort/pod1")];
        assert_eq!(of(GUEST, &files).as_deref(), Some("container:kubernetes"));
    }

    #[test]
    fn a_virtual_machine_is_told_by_its_hardware() {
        let clock = "sys/devices/system/clocksource/clocksource0/available_clocksource";
        let told = |files: &[(&str, &str)]| of(GUEST, files).unwrap();
        assert_eq!(told(&[(VENDOR, "QEMU\n"), (clock, "kvm-clock tsc\n")]), "vm:kvm");
        assert_eq!(told(&[(VENDOR, "QEMU\n"), (clock, "tsc\n")]), "vm:qemu");
        assert_eq!(told(&[(VENDOR, "Amazon EC2"), (clock, "kvm-clock")]), "vm:amazon");
        assert_eq!(told(&[(PRODUCT, "VMware Virtual Platform")]), "vm:vmware");
        assert_eq!(told(&[(VENDOR, "innotek GmbH"), (PRODUCT, "VirtualBox")]), "vm:oracle");
        assert_eq!(told(&[("sys/hypervisor/type", "xen\n")]), "vm:xen");
        assert_eq!(told(&[]), "vm:other");
    }

    #[test]
    fn a_bare_machine_of_a_maker_of_virtual_ones_is_bare() {
        assert_eq!(of(BARE, &[(VENDOR, "Amazon EC2")]).as_deref(), Some("none"));
        assert_eq!(of(BARE, &[(VENDOR, "Oracle Corporation")]).as_deref(), Some("none"));
    }

    #[test]
    fn without_flags_the_hardware_alone_decides() {
        let features = "Features\t: fp asimd";
        assert_eq!(of(features, &[(VENDOR, "QEMU")]).as_deref(), Some("vm:qemu"));
        assert_eq!(of(features, &[(VENDOR, "A Maker of Servers")]).as_deref(), Some("none"));
        assert_eq!(of(features, &[]), None);
        assert_eq!(of("", &[]), None);
    }
}
