//! What an entry changed, field by field, ready to be drawn as a table.

use serde_json::Value as Json;

use super::{Value, text};

/// Characters that are drawn of all values together.
const DRAWN_CHARS_MAX: usize = 120_000;

/// What an entry changed.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// Which states there are to show.
    pub shape: Shape,
    /// The changed fields; for a create or delete, all fields.
    pub changed: Vec<FieldGroup>,
    /// The fields that stayed as they were.
    pub unchanged: Vec<FieldRow>,
    /// Changed fields that change with every save and say little: shown folded.
    pub noise: Vec<FieldRow>,
    /// Changed fields that are not drawn, as there are too many.
    pub left_out: usize,
    /// Whether before and after stand below instead of beside each other.
    pub is_unified: bool,
    /// What the reader must know of it: "Only submitted fields were recorded after the change; …".
    pub note: Option<String>,
}

impl Diff {
    /// The same with no more text than a page can carry.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut room = DRAWN_CHARS_MAX;
        let changed = self.changed.iter_mut().flat_map(|group| &mut group.rows);
        for row in changed.chain(&mut self.noise).chain(&mut self.unchanged) {
            row.before = std::mem::take(&mut row.before).within(&mut room);
            row.after = std::mem::take(&mut row.after).within(&mut room);
        }
        self
    }

    /// How many columns its table has.
    #[must_use]
    pub const fn width(&self) -> usize {
        if self.is_unified { 2 } else { 3 }
    }

    /// How many fields changed.
    #[must_use]
    pub fn changed_count(&self) -> usize {
        self.changed.iter().map(|group| group.rows.len()).sum::<usize>() + self.noise.len() + self.left_out
    }

    /// The heading over the table: "3 changed fields", "State after creation".
    #[must_use]
    pub fn heading(&self) -> String {
        match self.shape {
            Shape::Both => match self.changed_count() {
                0 => "No field changed".to_owned(),
                1 => "1 changed field".to_owned(),
                many => {
                    format!("{} changed fields", text::thousands(u64::try_from(many).unwrap_or(u64::MAX)))
                }
            },
            Shape::AfterOnly => "State after".to_owned(),
            Shape::BeforeOnly => "State before".to_owned(),
            Shape::Neither | Shape::Gone => "Changed fields".to_owned(),
        }
    }
}

/// Which states an entry recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Before and after: a table of differences.
    Both,
    /// Only after, as a create does.
    AfterOnly,
    /// Only before, as a delete does.
    BeforeOnly,
    /// None.
    #[default]
    Neither,
    /// There were some; they were erased or have expired.
    Gone,
}

/// Fields with a common parent.
#[derive(Clone, Debug, Default)]
pub struct FieldGroup {
    /// The parent: `cards`; `None` for fields at the top.
    pub parent: Option<String>,
    /// Its fields, with paths from the parent on.
    pub rows: Vec<FieldRow>,
}

impl FieldGroup {
    /// Puts neighbours with a common parent under its name; order stays.
    #[must_use]
    pub fn of(rows: Vec<FieldRow>) -> Vec<Self> {
        let parents: Vec<String> = rows.iter().map(|row| row.parent().to_owned()).collect();
        let is_shared = |parent: &str| parents.iter().filter(|other| *other == parent).count() > 1;
        let mut groups: Vec<Self> = Vec::new();
        for mut row in rows {
            let parent =
                Some(row.parent().to_owned()).filter(|parent| !parent.is_empty() && is_shared(parent));
            if let Some(prefix) = &parent {
                let rest = row.path.strip_prefix(prefix.as_str()).unwrap_or(&row.path);
                row.path = rest.trim_start_matches('.').into();
            }
            match groups.last_mut() {
                Some(group) if group.parent == parent => group.rows.push(row),
                _ => groups.push(Self { parent, rows: vec![row] }),
            }
        }
        groups
    }
}

/// What happened to a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Op {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// Its value is another.
    #[default]
    Changed,
    /// Its value is of another type.
    Type,
    /// It is at another place of its list.
    Moved,
    /// Nothing.
    Same,
}

impl Op {
    /// The op of a change of the contract: `add`, `remove`, `change`, `move`, `type`.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        match code {
            "add" => Self::Added,
            "remove" => Self::Removed,
            "type" => Self::Type,
            "move" => Self::Moved,
            _ => Self::Changed,
        }
    }

    /// The sign in front of the path.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Removed => "−",
            Self::Changed | Self::Type => "~",
            Self::Moved => "↕",
            Self::Same => "",
        }
    }

    /// The word for the sign.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Type => "type changed",
            Self::Moved => "moved",
            Self::Same => "unchanged",
        }
    }

    /// The end of the CSS class.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Added => "add",
            Self::Removed => "remove",
            Self::Changed | Self::Type => "change",
            Self::Moved => "move",
            Self::Same => "same",
        }
    }
}

/// One field.
#[derive(Clone, Debug, Default)]
pub struct FieldRow {
    /// Its path, from the parent on where it is in a group: `cards[1].weight`.
    pub path: String,
    /// The same as a JSON pointer from the root, for the tooltip.
    pub pointer: String,
    /// What happened to it.
    pub op: Op,
    /// Its value before.
    pub before: Value,
    /// Its value after.
    pub after: Value,
    /// What else to say: "number → text", "sent as text", "from place 2".
    pub notes: Vec<String>,
}

impl FieldRow {
    /// The field at this JSON pointer, with what changed inside the values marked.
    #[must_use]
    pub fn new(op: Op, pointer: &str, before: Option<&Json>, after: Option<&Json>) -> Self {
        let (mut old, mut new) = (Value::of(before), Value::of(after));
        match op {
            Op::Same | Op::Moved => {}
            Op::Added | Op::Removed | Op::Changed | Op::Type => Value::mark(&mut old, &mut new),
        }
        let mut notes = Vec::new();
        if let (Op::Type, Some(before), Some(after)) = (op, before, after) {
            notes.push(format!("{} → {}", type_word(before), type_word(after)));
        }
        let row = Self { path: readable_path(pointer), pointer: pointer.to_owned(), op, ..Self::default() };
        Self { before: old.shortened(), after: new.shortened(), notes, ..row }
    }

    /// One field of a state that has no counterpart: nothing in it is marked.
    #[must_use]
    pub fn alone(pointer: &str, value: &Json) -> Self {
        Self::new(Op::Same, pointer, Some(value), Some(value))
    }

    /// The first step of the path, where it has more than one; else nothing.
    fn parent(&self) -> &str {
        match self.path.find(['.', '[']) {
            Some(end) if end > 0 => self.path.get(..end).unwrap_or_default(),
            _ => "",
        }
    }
}

/// `/cards/1/weight` as `cards[1].weight`; keys that need it are quoted: `meta["a.b"]`.
fn readable_path(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let path: String = steps.enumerate().map(|(place, step)| readable_step(place == 0, &step)).collect();
    if path.is_empty() { "(whole)".to_owned() } else { path }
}

fn readable_step(is_first: bool, step: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '.' | '[' | ']' | '"');
    if step.is_empty() || !step.chars().all(is_plain) {
        format!("[{step:?}]")
    } else if is_first {
        step.to_owned()
    } else if step.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("[{step}]")
    } else {
        format!(".{step}")
    }
}

const fn type_word(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true/false",
        Json::Number(_) => "number",
        Json::String(_) => "text",
        Json::Array(_) => "list",
        Json::Object(_) => "object",
    }
}
