//! Entries as a content platform sends them: about 1 KB, each different, with a text edited here and there.

use std::fmt::Write as _;

/// The same entries for the same seed, on every machine.
pub(crate) struct Generator {
    seed: u64,
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap_or(1)).unwrap_or_default()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        let place = self.below(list.len());
        list.get(place).copied().unwrap_or_default()
    }
}

const FIRST: [&str; 12] =
    ["Ana", "Björn", "Chidi", "Dara", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kaveh", "Lucía"];
const LAST: [&str; 12] = [
    "Abbott", "Bauer", "Costa", "Dupont", "Eriksen", "Fischer", "García", "Horvat", "Ito", "Jansen", "Kovač",
    "Lopez",
];
const ACTIONS: [&str; 6] =
    ["wagtail.edit", "wagtail.publish", "wagtail.create", "page.update", "media.upload", "settings.update"];
const TYPES: [&str; 4] = ["page", "post", "image", "product"];
const WORDS: [&str; 48] = [
    "the",
    "of",
    "and",
    "a",
    "to",
    "in",
    "is",
    "you",
    "that",
    "it",
    "for",
    "on",
    "are",
    "with",
    "as",
    "harbour",
    "winter",
    "market",
    "report",
    "city",
    "council",
    "festival",
    "library",
    "garden",
    "recipe",
    "history",
    "morning",
    "opening",
    "visitor",
    "exhibition",
    "museum",
    "station",
    "river",
    "bridge",
    "summer",
    "programme",
    "concert",
    "ticket",
    "student",
    "teacher",
    "lecture",
    "season",
    "kitchen",
    "bakery",
    "coffee",
    "music",
    "theatre",
    "village",
];

impl Generator {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Entry number `number` as JSON on one line.
    pub(crate) fn entry(&self, number: usize) -> String {
        let number_u64 = u64::try_from(number).unwrap_or_default();
        let mut random = Random(self.seed << 40 ^ number_u64.wrapping_mul(0x2545_f491_4f6c_dd1d));
        // A moment later than the one before, and ids in the order of time (UUIDv7), as senders make them.
        let ms = 1_795_000_000_000 + number_u64 * 40;
        let (high, low) = (random.next() & 0xfff, random.next() & 0x3fff_ffff_ffff_ffff | 1 << 63);
        let id = uuid::Uuid::from_u64_pair(ms << 16 | 0x7000 | high, low);
        let occurred_at = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or_default());
        let occurred_at = occurred_at.map(|time| time.to_string()).unwrap_or_default();
        let user = random.below(300);
        let name = format!("{} {}", random.pick(&FIRST), random.pick(&LAST));
        let (action, kind) = (random.pick(&ACTIONS), random.pick(&TYPES));
        let page = random.below(40_000);
        // A page keeps its title, mostly.
        let mut of_page = Random(u64::try_from(page).unwrap_or_default());
        let title = words(if random.below(20) == 0 { &mut random } else { &mut of_page }, 5);
        let (start, end) = (words(&mut random, 14), words(&mut random, 9));
        let (old, new) = (words(&mut random, 3), words(&mut random, 5));
        let mut text = String::with_capacity(1300);
        let _written = write!(
            text,
            r#"{{"id":"{id}","occurred_at":"{occurred_at}","actor":{{"type":"user","id":"{user}","name":"{name}","email":"user{user}@example.com","roles":["editor"]}},"action":"{action}","kind":"update","entity":{{"type":"{kind}","id":"{page}","title":"{title}","url":"https://www.example.com/{kind}/{page}"}},"before":{{"title":"{title}","body":"{start} {old} {end}","status":"draft","revision":{}}},"after":{{"title":"{title}","body":"{start} {new} {end}","status":"published","revision":{}}},"origin":{{"ip":"203.0.113.{}","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0","method":"POST","path":"/admin/{kind}/{page}/edit"}},"correlation_id":"{}","connector":"wagtail","duration_ms":{}}}"#,
            random.below(90),
            random.below(90),
            random.below(254),
            uuid::Uuid::from_u64_pair(random.next(), random.next()),
            random.below(900),
        );
        text
    }
}

fn words(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| random.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}
