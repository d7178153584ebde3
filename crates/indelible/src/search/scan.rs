//! Everything that matches, however much it is, in the order of the logs and in constant memory: for exports.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use model::{Entry, Filter};

use super::in_index::View;
use super::{PATIENCE, Pinned, Search, SearchError, guarded, reader};
use crate::store::{LogNumber, Site, StoreError};

/// Entries looked at in one step: enough to be quick, few enough for memory and for asking again whether the
/// caller may still read.
const ENTRIES_AT_ONCE: usize = 1024;

/// A walk through everything that matches. What is appended meanwhile is not part of it.
#[derive(Debug)]
pub struct Scan {
    search: Arc<Search>,
    filter: Filter,
    sites: Vec<Site>,
    /// Entries of the logs of these sites when the walk began.
    sizes: Vec<u64>,
    steps: VecDeque<Step>,
    looked_at: u64,
}

/// What is looked at next.
#[derive(Debug)]
enum Step {
    /// What the index knows of a shard, by its place in the view.
    Shard(Arc<View>, usize),
    /// These entries of a site's log, which the index found.
    Found(usize, Vec<u64>),
    /// All of these entries of a site's log.
    Range(usize, Range<u64>),
}

impl Search {
    /// Begins a walk through everything that matches.
    ///
    /// # Errors
    /// When the store fails.
    pub fn scan(self: &Arc<Self>, sites: &[Site], filter: &Filter) -> Result<Scan, StoreError> {
        let sizes: Vec<u64> =
            sites.iter().map(|site| self.published.size(site.log)).collect::<Result<_, _>>()?;
        let pinned: Vec<Pinned<'_>> =
            sites.iter().zip(&sizes).map(|(site, size)| Pinned { site, from: 0, size: *size }).collect();
        let mut steps = VecDeque::new();
        // Where everything is wanted the index only costs.
        let view = if *filter == Filter::all() { None } else { self.view(&pinned).map(Arc::new) };
        let rest = match &view {
            Some(view) => view.tail(&pinned),
            None => pinned,
        };
        if let Some(view) = &view {
            steps.extend((0..view.shards()).map(|place| Step::Shard(Arc::clone(view), place)));
        }
        steps.extend(rest.iter().enumerate().map(|(place, log)| Step::Range(place, log.from..log.size)));
        let (filter, sites) = (filter.clone(), sites.to_vec());
        Ok(Scan { search: Arc::clone(self), filter, sites, sizes, steps, looked_at: 0 })
    }
}

impl Scan {
    /// Entries of the logs that are walked through, matching or not.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.sizes.iter().sum()
    }

    /// How many of them need not be looked at any more.
    #[must_use]
    pub const fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// The next entries that match, proven to be those that were signed; `None` at the end. May be empty before
    /// it. Blocks.
    ///
    /// # Errors
    /// When the store fails; the walk cannot go on then.
    pub fn step(&mut self) -> Result<Option<Vec<Entry>>, SearchError> {
        let Some(step) = self.steps.pop_front() else { return Ok(None) };
        match step {
            Step::Shard(view, place) => self.ask(&view, place).map(|()| Some(Vec::new())),
            Step::Found(site, mut indexes) => {
                let rest = indexes.split_off(indexes.len().min(ENTRIES_AT_ONCE));
                if !rest.is_empty() {
                    self.steps.push_front(Step::Found(site, rest));
                }
                self.looked_at += u64::try_from(indexes.len()).unwrap_or_default();
                let Some(site) = self.sites.get(site) else { return Ok(Some(Vec::new())) };
                let search = &self.search;
                let (store, published) = (search.store.as_ref(), search.published.as_ref());
                let matches = |entry: &Entry| self.filter.matches(entry);
                Ok(Some(reader::read_matching(store, published, site, &indexes, matches)?))
            }
            Step::Range(place, range) => {
                let at_once = u64::try_from(ENTRIES_AT_ONCE).unwrap_or_default();
                // Up to the end of a tile, so that no block is unpacked twice.
                let end = (range.start - range.start % at_once + at_once).min(range.end);
                if end < range.end {
                    self.steps.push_front(Step::Range(place, end..range.end));
                }
                self.looked_at += end - range.start;
                let Some(site) = self.sites.get(place) else { return Ok(Some(Vec::new())) };
                let search = &self.search;
                let matches = |entry: &Entry| self.filter.matches(entry).then_some(());
                let read = reader::read_wanted(
                    search.store.as_ref(),
                    &search.published,
                    site,
                    range.start..end,
                    matches,
                )?;
                Ok(Some(read.into_iter().map(|((), entry)| entry).collect()))
            }
        }
    }

    /// Asks the index about a shard; where it fails, the shard's part of the logs is read.
    fn ask(&mut self, view: &Arc<View>, place: usize) -> Result<(), SearchError> {
        let pinned: Vec<Pinned<'_>> = self
            .sites
            .iter()
            .zip(&self.sizes)
            .map(|(site, size)| Pinned { site, from: 0, size: *size })
            .collect();
        let deadline = Instant::now() + PATIENCE;
        let found = match guarded(|| view.places(&self.search, &pinned, &self.filter, place, deadline)) {
            Ok(found) => found,
            Err(SearchError::Index(error)) => {
                self.search.set_aside(&error);
                let ranges = view.ranges(place);
                let range =
                    |(log, range): (LogNumber, Range<u64>)| Some(Step::Range(self.place_of(log)?, range));
                let steps: Vec<Step> = ranges.into_iter().filter_map(range).collect();
                for step in steps.into_iter().rev() {
                    self.steps.push_front(step);
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let asked: u64 = view.ranges(place).iter().map(|(_, range)| range.end - range.start).sum();
        let mut by_site: Vec<(usize, Vec<u64>)> = Vec::new();
        let mut count = 0;
        for (log, index) in found {
            let Some(site) = self.place_of(log) else { continue };
            count += 1;
            match by_site.last_mut() {
                Some((last, indexes)) if *last == site => indexes.push(index),
                _ => by_site.push((site, vec![index])),
            }
        }
        self.looked_at += asked.saturating_sub(count);
        for (site, indexes) in by_site.into_iter().rev() {
            self.steps.push_front(Step::Found(site, indexes));
        }
        Ok(())
    }

    fn place_of(&self, log: LogNumber) -> Option<usize> {
        self.sites.iter().position(|site| site.log == log)
    }
}
