//! When things happen: office hours and weekends for people, fixed hours for machines.

use jiff::Timestamp;

use super::random::Random;
use super::stage::{Scene, Stage};

/// Days the story lasts.
pub(super) const DAYS: i64 = 90;

const DAY_S: i64 = 86_400;

/// How busy each hour of a day is, in UTC.
const HOURS: [u64; 24] = [0, 0, 0, 0, 0, 1, 2, 6, 11, 14, 14, 11, 7, 10, 13, 12, 10, 7, 4, 2, 2, 1, 1, 0];

/// One site's story: what its people do all day, and what is bound to happen.
pub(super) struct Script {
    /// Moments of work on a working day. Mondays have more, Fridays fewer, weekends hardly any.
    pub(super) moments_per_day: u64,
    /// What people do, each with its weight.
    pub(super) work: &'static [(u64, Scene)],
    /// What the host does every day, with the minute of the day.
    pub(super) clockwork: &'static [(i64, Scene)],
    /// What happens once: days before the end, minute of the day.
    pub(super) events: &'static [(i64, i64, Scene)],
}

/// Plays the script on the stage, from 90 days before `now` up to it.
pub(super) fn play(script: &Script, stage: &mut Stage, now: Timestamp) {
    let end = now.as_second();
    let start = end - DAYS * DAY_S;
    let today = end.div_euclid(DAY_S);
    let mut moments: Vec<(i64, Scene)> = Vec::new();
    for day in start.div_euclid(DAY_S)..=today {
        let midnight = day * DAY_S;
        for _ in 0..share(script.moments_per_day, day) {
            moments.push((midnight + office_second(&mut stage.random), scene(script, &mut stage.random)));
        }
        moments.extend(script.clockwork.iter().map(|&(minute, scene)| (midnight + minute * 60, scene)));
    }
    let event = |&(days_before, minute, scene): &(i64, i64, Scene)| {
        ((today - days_before) * DAY_S + minute * 60, scene)
    };
    moments.extend(script.events.iter().map(event));
    moments.retain(|(second, _)| (start..end).contains(second));
    moments.sort_by_key(|(second, _)| *second);
    for (second, scene) in moments {
        if let Ok(time) = Timestamp::from_second(second) {
            stage.go_to(time);
            scene(stage);
        }
    }
}

/// Moments on a day, by its weekday. Day 0 was a Thursday.
const fn share(per_day: u64, day: i64) -> u64 {
    match (day + 3).rem_euclid(7) {
        0 => per_day * 12 / 10,
        4 => per_day * 8 / 10,
        5 => per_day * 2 / 10,
        6 => per_day / 10,
        _ => per_day,
    }
}

fn office_second(random: &mut Random) -> i64 {
    let mut rest = random.below(HOURS.iter().sum());
    let mut hour = 0;
    for (number, weight) in (0..).zip(HOURS) {
        if rest < weight {
            hour = number;
            break;
        }
        rest -= weight;
    }
    hour * 3600 + i64::try_from(random.below(3600)).unwrap_or_default()
}

fn scene(script: &Script, random: &mut Random) -> Scene {
    let mut rest = random.below(script.work.iter().map(|(weight, _)| weight).sum());
    for (weight, scene) in script.work {
        if rest < *weight {
            return *scene;
        }
        rest -= weight;
    }
    |_| ()
}
