//! SysMaint: answers sealed questions about the hosts it hears from.
