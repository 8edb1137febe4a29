//! Figures in columns.

use std::fmt;

/// A table with a name for each column.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table that has no rows yet.
    pub(super) fn new(columns: [&str; COLUMNS]) -> Self {
        Self { rows: vec![columns.map(str::to_owned)] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (index, (width, cell)) in widths.iter().zip(row).enumerate() {
                // Names are read from their beginning, figures from their end.
                line += &match index {
                    0 => format!("  {cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A figure as it is written in a table; a dash where there is none.
pub(super) fn cell<F>(figure: Option<F>, write: impl FnOnce(F) -> String) -> String {
    figure.map_or("–".to_owned(), write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["", "µs"]);
        table.row(["one".to_owned(), "1.5".to_owned()]);
        table.row(["three".to_owned(), "10.0".to_owned()]);
        assert_eq!(table.to_string(), "           µs\n  one     1.5\n  three  10.0\n");
    }
}
