//! How much of the machine a verification may take.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

/// See the [module's documentation](self).
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// All processors, without a pause.
    Full,
    /// One processor, for this many hundredths of the time.
    Share(u32),
}

impl Pace {
    /// How many threads may work at once.
    pub(super) fn threads(self) -> usize {
        match self {
            Self::Full => thread::available_parallelism().map_or(1, NonZero::get),
            Self::Share(_) => 1,
        }
    }

    /// Rests for as long as it takes, after so much work, to keep to the share.
    pub(super) fn rest(self, busy: Duration) {
        if let Some(pause) = self.pause(busy) {
            thread::sleep(pause);
        }
    }

    fn pause(self, busy: Duration) -> Option<Duration> {
        match self {
            Self::Full => None,
            Self::Share(percent) => {
                let percent = percent.clamp(1, 100);
                Some(busy * (100 - percent) / percent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_leave_the_share() {
        let busy = Duration::from_millis(10);
        assert_eq!(Pace::Full.pause(busy), None);
        for (percent, pause) in [(10, 90), (50, 10), (100, 0), (1, 990)] {
            assert_eq!(Pace::Share(percent).pause(busy), Some(Duration::from_millis(pause)), "{percent}");
        }
        assert_eq!(Pace::Share(0).pause(busy), Pace::Share(1).pause(busy));
    }
}
