//! Whether the rows are those that were written: the chain is recomputed, and compared with what
//! the bridge left with the broker.

mod finding;

use std::collections::{BTreeMap, VecDeque};

use sysmaint_protocol::{
    Timestamp,
    audit::{Anchor, BridgeId, Digest},
};

use super::{AuditChain, AuditEvent, AuditRow};
pub use finding::Finding;

/// Findings that are kept; the rest is counted.
const KEPT: usize = 100;
/// How many rows that were put in, or taken out, together are recognised as such.
const REACH: u64 = 64;

/// A check in progress. Give it every row in order, then [finish](Self::finish).
#[derive(Debug)]
pub struct Verification {
    chain: AuditChain,
    anchors: Option<BTreeMap<u64, Vec<Anchor>>>,
    recent: VecDeque<Known>,
    last: Option<AuditRow>,
    /// Nothing says what the next row should follow.
    blind: bool,
    /// How far the numbers in the file are ahead of those under which rows were written.
    shift: i64,
    rows: u64,
    anchored: Vec<u64>,
    pruned: Option<Pruned>,
    agreed: Vec<u64>,
    outcome: Findings,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// Whose audit.
    pub bridge: BridgeId,
    /// The first row that is kept, by its number.
    pub first: u64,
    /// The last row.
    pub last: u64,
    /// How many rows there are.
    pub rows: u64,
    /// Anchors that were compared with a row; absent if none were asked for.
    pub anchors: Option<usize>,
    /// The last row that an anchor confirms: what is after it rests on the file alone.
    pub confirmed_through: Option<u64>,
    /// What was pruned.
    pub pruned: Option<Pruned>,
    /// Everything that is wrong, at most a hundred.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more_findings: usize,
}

/// What a bridge says that it removed because of its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// The last row that was removed.
    pub through: u64,
    /// When.
    pub at: Timestamp,
    /// All were older than this.
    pub before: Timestamp,
    #[serde(skip)]
    hash: Digest,
}

impl Outcome {
    /// Whether nothing is wrong.
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

#[derive(Debug, Default)]
struct Findings {
    kept: Vec<Finding>,
    more: usize,
}

impl Findings {
    fn add(&mut self, finding: Finding) {
        if self.kept.len() < KEPT { self.kept.push(finding) } else { self.more += 1 }
    }

    /// Takes back what a later row explains better.
    fn replace(&mut self, from: u64, through: u64, finding: Finding) {
        let explained = |finding: &Finding| {
            matches!(finding, Finding::Changed { sequence }
                if (from..=through).contains(sequence))
        };
        self.kept.retain(|finding| !explained(finding));
        self.add(finding);
    }
}

/// A row's number in the file and its hash.
#[derive(Clone, Copy, Debug)]
struct Known {
    sequence: u64,
    hash: Digest,
}

/// How a row fits behind those before it.
enum Fit {
    /// As the next one.
    Next,
    /// The row before it should stand behind it.
    Exchanged,
    /// It is one of the rows before it once more.
    Copied,
    /// Behind a row further back: what stands between was put in.
    AfterInserted(u64),
    /// As one with a higher number: rows before the last one were taken out.
    AfterRemoved(u64),
    /// Not at all.
    Not,
}

impl Verification {
    /// Of this chain, with the anchors that its bridge left. They must have been read before the
    /// file was opened: one that is younger may be of a row that was not there yet.
    pub fn new(chain: AuditChain, anchors: Option<Vec<Anchor>>) -> Self {
        let anchors = anchors.map(|anchors| {
            let mut by_sequence = BTreeMap::<u64, Vec<Anchor>>::new();
            for anchor in anchors {
                by_sequence.entry(anchor.sequence).or_default().push(anchor);
            }
            by_sequence
        });
        let start = Known { sequence: chain.pruned_through, hash: chain.before_first() };
        let mut verification = Self {
            chain,
            anchors,
            recent: VecDeque::from([start]),
            last: None,
            blind: false,
            shift: 0,
            rows: 0,
            anchored: Vec::new(),
            pruned: None,
            agreed: Vec::new(),
            outcome: Findings::default(),
        };
        if chain.pruned_through > 0 {
            verification.compare(start.sequence, &start.hash);
        }
        verification
    }

    /// The next row, or the number of one whose columns make no sense.
    pub fn row(&mut self, row: Result<AuditRow, u64>) {
        self.rows += 1;
        let sequence = row.as_ref().map_or_else(|sequence| *sequence, |row| row.sequence);
        let previous = self.previous();
        if sequence <= previous.sequence {
            self.outcome.add(Finding::Inserted { from: sequence, through: sequence });
            return;
        }
        if sequence > previous.sequence + 1 {
            self.blind = true;
            let (from, through) = (previous.sequence + 1, sequence - 1);
            self.outcome.add(Finding::Removed { from, through });
        }
        let Ok(row) = row else {
            self.outcome.add(Finding::Changed { sequence });
            self.recent = VecDeque::from([Known { sequence, hash: previous.hash }]);
            self.last = None;
            self.blind = true;
            return;
        };
        let mut hash = row.hash;
        let fit =
            if std::mem::take(&mut self.blind) { Fit::Next } else { self.fit(&row, previous) };
        match fit {
            Fit::Next => {}
            Fit::Exchanged => {
                let (first, second) = (previous.sequence, sequence);
                self.outcome.replace(first, first, Finding::Exchanged { first, second });
                hash = previous.hash;
            }
            Fit::Copied => {
                self.outcome.add(Finding::Inserted { from: sequence, through: sequence });
                self.shift = self.shift.saturating_add(1);
                self.recent.push_front(Known { sequence, hash: previous.hash });
                self.last = None;
                return;
            }
            Fit::AfterInserted(number) => {
                let (from, through) = (sequence - number, sequence - 1);
                self.outcome.replace(from, through, Finding::Inserted { from, through });
                self.shift = self.shift.saturating_add_unsigned(number);
            }
            Fit::AfterRemoved(number) => {
                let before = previous.sequence;
                let finding = Finding::RemovedAndRenumbered { before, number };
                self.outcome.replace(before, before, finding);
                self.shift = self.shift.saturating_sub_unsigned(number);
            }
            Fit::Not if sequence == self.chain.pruned_through + 1 => {
                self.outcome.add(Finding::Beginning { sequence });
            }
            Fit::Not => self.outcome.add(Finding::Changed { sequence }),
        }
        self.compare(sequence.saturating_add_signed(-self.shift), &hash);
        self.note(&row);
        self.recent.push_front(Known { sequence, hash });
        self.recent.truncate(usize::try_from(REACH).unwrap_or(usize::MAX) + 1);
        self.last = Some(row);
    }

    /// The file cannot be read any further.
    pub fn unreadable(&mut self) {
        let after = self.previous().sequence;
        self.outcome.add(Finding::Unreadable { after });
    }

    /// Everything was given.
    pub fn finish(mut self) -> Outcome {
        let last = self.previous().sequence;
        let end = last.saturating_add_signed(-self.shift);
        self.check_pruning();
        self.check_anchors(end);
        Outcome {
            bridge: self.chain.bridge,
            first: self.chain.pruned_through + 1,
            last,
            rows: self.rows,
            anchors: self.anchors.is_some().then_some(self.agreed.len()),
            confirmed_through: self.agreed.last().copied(),
            pruned: self.pruned,
            findings: self.outcome.kept,
            more_findings: self.outcome.more,
        }
    }

    fn previous(&self) -> Known {
        let start =
            || Known { sequence: self.chain.pruned_through, hash: self.chain.before_first() };
        self.recent.front().copied().unwrap_or_else(start)
    }

    fn fit(&self, row: &AuditRow, previous: Known) -> Fit {
        let written_as = row.sequence.saturating_add_signed(-self.shift);
        if row.hash_as(&previous.hash, written_as) == row.hash {
            return Fit::Next;
        }
        if self.recent.iter().any(|known| known.hash == row.hash) {
            return Fit::Copied;
        }
        if let (Some(last), Some(before)) = (&self.last, self.recent.get(1))
            && row.hash_as(&before.hash, written_as.saturating_sub(1)) == row.hash
            && last.hash_as(&row.hash, written_as) == last.hash
        {
            return Fit::Exchanged;
        }
        for (number, before) in (1..).zip(self.recent.iter().skip(1)) {
            if row.hash_as(&before.hash, written_as.saturating_sub(number)) == row.hash {
                return Fit::AfterInserted(number);
            }
        }
        let further = (1..=REACH).find(|number| {
            row.hash_as(&previous.hash, written_as.saturating_add(*number)) == row.hash
        });
        further.map_or(Fit::Not, Fit::AfterRemoved)
    }

    /// Compares a row with the anchors that were made of it.
    fn compare(&mut self, sequence: u64, hash: &Digest) {
        let Some(anchors) = self.anchors.as_ref().and_then(|all| all.get(&sequence)) else {
            return;
        };
        match anchors.iter().find(|anchor| anchor.hash != *hash) {
            None => self.agreed.push(sequence),
            Some(anchor) => {
                let agreed = self.agreed.last().copied();
                self.outcome.add(Finding::Rewritten { sequence, agreed, time: anchor.time });
            }
        }
    }

    /// Remembers what a row says of the chain itself.
    fn note(&mut self, row: &AuditRow) {
        match row.event() {
            Ok(AuditEvent::Anchored { sequence, .. }) => self.anchored.push(sequence),
            Ok(AuditEvent::Pruned { through, hash, before }) => {
                self.pruned = Some(Pruned { through, hash, before, at: row.time });
            }
            _ => {}
        }
    }

    /// Every anchor has its row, and every row that tells of an anchor has its anchor.
    fn check_anchors(&mut self, end: u64) {
        let Some(anchors) = &self.anchors else { return };
        if let Some((anchored, of_it)) = anchors.range(end.saturating_add(1)..).next_back() {
            let (anchored, time) = (*anchored, of_it[0].time);
            self.outcome.add(Finding::TailCut { last: end, anchored, time });
        }
        if anchors.is_empty() {
            self.outcome.add(Finding::NoAnchors);
            return;
        }
        let is_gone = |sequence: &&u64| !anchors.contains_key(sequence);
        let gone: Vec<_> = self.anchored.iter().filter(is_gone).copied().collect();
        if let (Some(from), Some(through)) = (gone.iter().min(), gone.iter().max()) {
            let (from, through, number) = (*from, *through, gone.len());
            self.outcome.add(Finding::AnchorsLost { from, through, number });
        }
    }

    /// A chain that does not begin with row 1 must say why.
    fn check_pruning(&mut self) {
        let AuditChain { pruned_through: through, pruned_hash, .. } = self.chain;
        let said = self.pruned.map_or((0, None), |pruned| (pruned.through, Some(pruned.hash)));
        let is_said = said.0 == through && said.1.is_none_or(|hash| hash == pruned_hash);
        if !is_said && through > 0 {
            self.outcome.add(Finding::PruningUnproven { through });
        }
    }
}
