//! What a host runs inside of.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a host runs inside of; the innermost, where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Virtualization {
    /// Nothing: the machine itself.
    None,
    /// A container, by its runtime.
    Container(Container),
    /// A virtual machine, by what runs it.
    Machine(Hypervisor),
}

/// Who runs a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names")]
pub enum Container {
    Docker,
    Kubernetes,
    Lxc,
    Openvz,
    Podman,
    SystemdNspawn,
    Wsl,
    /// One without a name here.
    Other,
}

/// Who runs a virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names")]
pub enum Hypervisor {
    Amazon,
    Apple,
    Bhyve,
    Bochs,
    Google,
    Kvm,
    Microsoft,
    Oracle,
    Parallels,
    Qemu,
    Vmware,
    Xen,
    /// One without a name here.
    Other,
}

const NAMES: [(Virtualization, &str); 22] = [
    (Virtualization::None, "none"),
    (Virtualization::Container(Container::Docker), "container:docker"),
    (Virtualization::Container(Container::Kubernetes), "container:kubernetes"),
    (Virtualization::Container(Container::Lxc), "container:lxc"),
    (Virtualization::Container(Container::Openvz), "container:openvz"),
    (Virtualization::Container(Container::Podman), "container:podman"),
    (Virtualization::Container(Container::SystemdNspawn), "container:systemd-nspawn"),
    (Virtualization::Container(Container::Wsl), "container:wsl"),
    (Virtualization::Container(Container::Other), "container:other"),
    (Virtualization::Machine(Hypervisor::Amazon), "vm:amazon"),
    (Virtualization::Machine(Hypervisor::Apple), "vm:apple"),
    (Virtualization::Machine(Hypervisor::Bhyve), "vm:bhyve"),
    (Virtualization::Machine(Hypervisor::Bochs), "vm:bochs"),
    (Virtualization::Machine(Hypervisor::Google), "vm:google"),
    (Virtualization::Machine(Hypervisor::Kvm), "vm:kvm"),
    (Virtualization::Machine(Hypervisor::Microsoft), "vm:microsoft"),
    (Virtualization::Machine(Hypervisor::Oracle), "vm:oracle"),
    (Virtualization::Machine(Hypervisor::Parallels), "vm:parallels"),
    (Virtualization::Machine(Hypervisor::Qemu), "vm:qemu"),
    (Virtualization::Machine(Hypervisor::Vmware), "vm:vmware"),
    (Virtualization::Machine(Hypervisor::Xen), "vm:xen"),
    (Virtualization::Machine(Hypervisor::Other), "vm:other"),
];

/// Not the name of anything that a host runs inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of virtualization")]
pub struct UnknownVirtualization;

impl Virtualization {
    /// Its name, such as `vm:kvm`.
    pub fn name(self) -> &'static str {
        let named = NAMES.iter().find(|(kind, _)| *kind == self);
        named.map_or("none", |(_, name)| name)
    }
}

impl fmt::Display for Virtualization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One that a newer version has a name for is another one of its class.
impl FromStr for Virtualization {
    type Err = UnknownVirtualization;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((kind, _)) = NAMES.iter().find(|(_, name)| *name == text) {
            return Ok(*kind);
        }
        match text.split_once(':') {
            Some(("container", _)) => Ok(Self::Container(Container::Other)),
            Some(("vm", _)) => Ok(Self::Machine(Hypervisor::Other)),
            _ => Err(UnknownVirtualization),
        }
    }
}

impl Serialize for Virtualization {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What no version knew so far is unknown, and no reason to lose the sample that says it.
pub(super) fn if_known<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Virtualization>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_what_it_names() {
        for (kind, name) in NAMES {
            assert_eq!(name.parse(), Ok(kind));
            assert_eq!(kind.to_string(), name);
        }
    }

    #[test]
    fn what_a_newer_version_names_is_still_a_container_or_a_machine() {
        assert_eq!("vm:next".parse(), Ok(Virtualization::Machine(Hypervisor::Other)));
        assert_eq!("container:next".parse(), Ok(Virtualization::Container(Container::Other)));
        assert_eq!("next".parse::<Virtualization>(), Err(UnknownVirtualization));
    }
}
