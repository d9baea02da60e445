//! Has sled empty segments of which little lives, so that the file does not grow for ever.
//!
//! sled frees a segment once nothing in it lives. It helps along those of which less than half does,
//! one page whenever it replaces a page, and else only in its background flusher, which is not used.
//! Batches of small pieces replace too few pages: beside 4,000 objects, 20 leases that were renewed
//! 240,000 times left a file of 3.4 times its entries, and it went on. So more pages are replaced
//! here, of a tree that holds nothing else.

use std::cell::Cell;

/// The tree, and its one key.
const NAME: &str = "broom";

/// How often that key is written until sled replaces its page, and with that moves one page out of a
/// half-dead segment.
const STROKES: u64 = 10;

/// One page is moved for so many pieces that came or went. That empties segments faster than they
/// fill, which makes two pages at most of so many pieces half dead.
const SWEPT_FOR: u64 = 2;

/// So many pages are moved at once. A page has at most 20 pieces of 1,250 bytes with their keys, so that
/// these are 410 KB with the strokes, less than a segment: none that becomes free meanwhile is
/// written to before what has left it is synced.
const PAGES_AT_ONCE: u64 = 16;

/// What that is moved for.
const PIECES_AT_ONCE: u64 = PAGES_AT_ONCE * SWEPT_FOR;

/// What came and went while the file was small enough is remembered up to this: sweeps that are due are
/// to be some, not hours of them after years.
const MOST_REMEMBERED: u64 = 64 * PIECES_AT_ONCE;

/// The file may be so many times as large as its entries before it is swept. A segment is emptied once
/// less than half of it lives, so that less than 2 may be out of reach.
const TIDY_FACTOR: u64 = 2;

/// And this much larger besides: four segments, for what is on its way.
const TIDY_SLACK: u64 = 2 << 20;

pub(crate) struct Broom {
    tree: sled::Tree,
    /// Pieces that came or went for which no page was moved yet.
    moved: Cell<u64>,
}

impl Broom {
    pub(crate) fn open(db: &sled::Db) -> sled::Result<Self> {
        Ok(Self { tree: db.open_tree(NAME)?, moved: Cell::new(0) })
    }

    /// So many pieces came or went.
    pub(crate) fn note(&self, pieces: u64) {
        self.moved.set(self.moved.get().saturating_add(pieces).min(MOST_REMEMBERED));
    }

    /// Whether a file of `size` with so many bytes of entries is to be swept now.
    pub(crate) fn is_due(&self, size: u64, entries: u64) -> bool {
        let most = entries.saturating_mul(TIDY_FACTOR).saturating_add(TIDY_SLACK);
        self.moved.get() >= PIECES_AT_ONCE && size > most
    }

    /// Moves some pages. Nothing else may be written before that is synced.
    pub(crate) fn sweep(&self) -> sled::Result<()> {
        self.moved.set(self.moved.get().saturating_sub(PIECES_AT_ONCE));
        for stroke in 0..PAGES_AT_ONCE * STROKES {
            self.tree.insert(NAME, &stroke.to_be_bytes())?;
        }
        Ok(())
    }
}
