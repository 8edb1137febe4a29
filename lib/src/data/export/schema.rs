//! What a bundle holds: its files, their columns, and what these mean.
//!
//! All of it follows from the description of the data ([`crate::data::tables`]). The rows
//! come from `app.export_rows`, whose columns are these in this order; a row that has
//! others is refused.

use std::sync::LazyLock;

use serde::Serialize;

use crate::data::tables::{Bundle, TABLES};
pub use crate::data::tables::{Column, Kind};

/// The format's name. Its number rises when a file or a column changes or goes.
pub const FORMAT: &str = "leadslock export 1";

/// A file of rows.
#[derive(Debug, Serialize)]
pub struct File {
    /// Its name without the extension, by which the database calls it too.
    pub name: &'static str,
    /// What its rows are.
    pub about: &'static str,
    /// Their columns.
    pub columns: Vec<Column>,
}

/// Every file of rows, in the order of the bundle.
pub static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let files = TABLES.iter().filter_map(|table| match &table.bundle {
        Bundle::File { name, about, also } => {
            let columns = table.columns.iter().chain(*also);
            let told = columns.filter(|column| column.not_in_bundle.is_none());
            Some(File { name, about, columns: told.copied().collect() })
        }
        Bundle::LeftOut(_) => None,
    });
    files.collect()
});
