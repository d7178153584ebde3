//! What people write, and how they rewrite it: a few words at a time.

use super::random::Random;

/// What a text is about.
pub(super) enum Theme {
    /// Acme's lanterns.
    Lanterns,
    /// The lanterns' manual.
    Manual,
    /// Northwind's tea.
    Tea,
}

const LANTERNS: &[&str] = &[
    "We build lanterns for people who still like the dark. A good lantern does not banish it; it makes a small, warm room in the middle of it and lets the rest of the night go about its business.",
    "The new burner went through forty-one prototypes. Number seventeen was beautiful and set fire to the test bench, which is how we learned to test outdoors.",
    "Every frame is bent from one length of brass rod. Our bender, a machine older than anyone in the workshop, is called Agatha, and she takes Mondays off.",
    "Glass is the part that customers break and the part we are proudest of. Each pane is cut by hand, ground on the edges, and guaranteed for as long as we remain in business.",
    "Delivery takes four days in most countries and six where the ferry is involved. If your parcel spends longer at sea than you would like, write to us and we will explain tides.",
    "A reader asked whether our lanterns attract moths. They do. We consider this a feature, and so, to judge by their persistence, do the moths.",
    "Last winter we lent two hundred lanterns to the village for its solstice walk. One hundred and ninety-nine came back. The last one is said to hang in a tree, still lit.",
    "Trim the wick every ten hours and it will burn for a season. Trim it never and it will burn for an evening, smokily, and your ceiling will remember.",
    "Our apprentices spend the first month polishing. Nobody enjoys it, everybody is glad of it afterwards, and the door handles of the workshop have never looked better.",
    "Prices have not changed since March. We would like to say this is generosity; in truth the brass was bought in one enormous lot, and it is still in the way.",
];

const MANUAL: &[&str] = &[
    "Place the controller where its antenna can see the sky, or at least a window. Do not place it inside a biscuit tin, however well the biscuit tin fits.",
    "Hold the button for five seconds until the ring turns amber. Amber means the controller is listening; green means it has heard something it likes.",
    "The schedule is kept on the device. If the network goes away, the lanterns still light at dusk, because dusk does not depend on the network.",
    "Firmware updates are signed. A controller that is offered an unsigned update refuses it, logs the attempt, and goes on with what it was doing.",
    "To reset a controller, remove the battery, count to ten, and put it back. Counting to nine has been tried. It is not enough.",
    "Groups may be nested up to four levels deep. Deeper trees are possible to draw but not to explain, so the editor stops you at four.",
    "Brightness is given in steps from 0 to 255. Steps below 12 are invisible to most people and delightful to owls.",
    "The API answers with 202 when a command was accepted and 409 when another command is still being carried out. Wait for the first before you send the second.",
    "Logs are kept for thirty days on the device and for as long as you like on your own server. Export them before you replace a battery.",
    "If the ring blinks red three times, the clock is wrong by more than a minute. Connect once, and it will set itself.",
];

const TEA: &[&str] = &[
    "Picked above the fog line in the second week of April, rolled the same night, and dried over beech. It tastes of walnut first and of rain a good while later.",
    "Our ships are slow on purpose. Tea that crosses an ocean in eleven days arrives surprised; tea that takes forty arrives composed.",
    "Brew at eighty degrees for two minutes. Longer is not stronger, only sadder.",
    "The tin is lined with paper, not plastic, and closes with a sound that people have described to us as final.",
    "We pay growers before the harvest, not after it. The price is on the label, next to ours, so that you can do the subtraction yourself.",
    "Smoked over pine roots by a family that has argued about the right pine for four generations. This year's batch was made by the side that is right.",
    "A blend for the hour when the post has come and nothing in it was urgent.",
    "Allergy note: packed in a room in which somebody, once, ate a hazelnut biscuit. He has been spoken to.",
    "Returns are free within sixty days, even if the tin is open. We only ask what was wrong, and we do read the answers.",
    "The 2026 harvest was small and very good. When it is gone, it is gone, and the page will say so rather than offer you something similar.",
];

/// Pairs of wordings; a rewrite turns one into the other, in either direction.
const WORDINGS: &[(&str, &str)] = &[
    ("We build", "We make"),
    ("a small, warm room", "a small and warm room"),
    ("forty-one prototypes", "forty-two prototypes"),
    ("is called Agatha", "answers to Agatha"),
    ("takes Mondays off", "does not work on Mondays"),
    ("cut by hand", "cut and numbered by hand"),
    ("four days", "three to five days"),
    ("write to us", "write to hello@acme.example.com"),
    ("a feature", "a compliment"),
    ("two hundred lanterns", "some two hundred lanterns"),
    ("every ten hours", "every eight hours"),
    ("first month polishing", "first five weeks polishing"),
    ("since March", "since February"),
    ("five seconds", "six seconds"),
    ("at least a window", "at the very least a window"),
    ("does not depend on the network", "has never depended on any network"),
    ("refuses it, logs the attempt,", "refuses it, records the attempt,"),
    ("count to ten", "count slowly to ten"),
    ("four levels deep", "five levels deep"),
    ("below 12", "below 10"),
    ("thirty days", "sixty days"),
    ("more than a minute", "more than ninety seconds"),
    ("second week of April", "third week of April"),
    ("dried over beech", "dried over old beech"),
    ("eighty degrees", "seventy-eight degrees"),
    ("two minutes", "two and a half minutes"),
    ("four generations", "five generations"),
    ("within sixty days", "within ninety days"),
    ("small and very good", "smaller than usual and better than most"),
    ("lined with paper", "lined with waxed paper"),
];

const AFTERTHOUGHTS: &[&str] = &[
    "Questions are welcome at any hour; answers keep office hours.",
    "This page was last checked by a person, and she has opinions about commas.",
    "If something here is wrong, tell us and we will say so in public.",
    "Photographs by the night shift.",
    "With thanks to everybody who wrote in, especially in green ink.",
    "Available while the autumn lasts.",
];

/// A text of some paragraphs.
pub(super) fn write(random: &mut Random, theme: &Theme, paragraphs: usize) -> String {
    let pool = pool(theme);
    let start = random.position(pool.len());
    let text: Vec<&str> = pool.iter().cycle().skip(start).take(paragraphs).copied().collect();
    text.join("\n\n")
}

/// One paragraph.
pub(super) fn paragraph(random: &mut Random, theme: &Theme) -> &'static str {
    random.pick(pool(theme))
}

const fn pool(theme: &Theme) -> &'static [&'static str] {
    match theme {
        Theme::Lanterns => LANTERNS,
        Theme::Manual => MANUAL,
        Theme::Tea => TEA,
    }
}

/// The same text as an editor would save it next: another wording here and there, or a last line more or
/// less.
pub(super) fn revise(random: &mut Random, text: &str) -> String {
    let applicable: Vec<(&str, &str)> = WORDINGS
        .iter()
        .filter_map(|&(one, other)| match (text.contains(one), text.contains(other)) {
            // The longer wording may hold the shorter one.
            (_, true) => Some((other, one)),
            (true, false) => Some((one, other)),
            (false, false) => None,
        })
        .collect();
    if !applicable.is_empty() && random.chance(75) {
        let (from, to) = random.pick(&applicable);
        return text.replacen(from, to, 1);
    }
    for known in AFTERTHOUGHTS {
        if let Some(shorter) = text.strip_suffix(known) {
            return shorter.trim_end().to_owned();
        }
    }
    format!("{text}\n\n{}", random.pick(AFTERTHOUGHTS))
}

/// A title as a path: lower case, hyphens, nothing else.
pub(super) fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(8).collect::<Vec<_>>().join("-")
}

/// A ticket to point at, one time in four.
pub(super) fn ticket(random: &mut Random, project: &str, reasons: &[&str]) -> Option<String> {
    random.chance(25).then(|| {
        let number = random.between(1200, 2950);
        format!("{project}-{number}: {}", random.pick(reasons))
    })
}
