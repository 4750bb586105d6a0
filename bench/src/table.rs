//! Figures in columns, with how many times the first row's each is.

use std::fmt::{self, Display, Formatter};

pub struct Table {
    /// Each with its title first, then a cell for each row
    columns: Vec<Vec<String>>,
}

impl Table {
    /// One with a first column and no figures yet.
    pub fn new(title: &str, rows: &[&str]) -> Self {
        Self { columns: vec![std::iter::once(&title).chain(rows).map(ToString::to_string).collect()] }
    }

    /// Adds a column. Rows that `figures` does not reach have none.
    pub fn add(&mut self, title: &str, decimals: usize, figures: &[f64]) {
        self.add_cells(title, figures.iter().map(|&figure| number(figure, decimals)));
    }

    /// Adds a column and one with its ratios, unless they were to nothing.
    pub fn add_with_ratios(&mut self, title: &str, decimals: usize, figures: &[f64]) {
        self.add(title, decimals, figures);
        if number(figures[0], decimals) != number(0.0, decimals) {
            self.add_cells("×", figures.iter().map(|&figure| ratio(figure / figures[0])));
        }
    }

    /// Adds a column of text. Rows that `cells` does not reach have none.
    pub fn add_cells(&mut self, title: &str, cells: impl Iterator<Item = String>) {
        let mut column: Vec<_> = std::iter::once(title.into()).chain(cells).collect();
        column.resize(self.columns[0].len(), "–".into());
        self.columns.push(column);
    }

    fn lines(&self) -> impl Iterator<Item = Vec<&str>> {
        (0..self.columns[0].len()).map(|line| self.columns.iter().map(|column| column[line].as_str()).collect())
    }

    /// <https://github.github.com/gfm/#tables-extension->
    pub fn markdown(&self) -> String {
        let mut lines: Vec<_> = self.lines().map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
        lines.insert(1, format!("|---|{}\n", "--:|".repeat(self.columns.len() - 1)));
        lines.concat()
    }
}

/// Plain text, the figures aligned on the right.
impl Display for Table {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let width = |column: &Vec<String>| column.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
        let widths: Vec<_> = self.columns.iter().map(width).collect();
        for cells in self.lines() {
            write!(f, "{:<1$}", cells[0], widths[0])?;
            for (cell, width) in cells.iter().zip(&widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// One decimal where it says something.
fn ratio(ratio: f64) -> String {
    let decimals = usize::from(ratio < 9.95);
    number(ratio, decimals) + "×"
}

/// Between the two in the middle where there are two: what one row is to another then says the same as the other way
/// round.
pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    let (half, last) = (figures.len() / 2, (figures.len() - 1) / 2);
    f64::midpoint(figures[half], figures[last])
}

/// With a comma between thousands.
pub fn number(number: f64, decimals: usize) -> String {
    let mut text = format!("{number:.decimals$}");
    let mut comma = text.find('.').unwrap_or(text.len());
    while comma > 3 {
        comma -= 3;
        text.insert(comma, ',');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(1_000.0, 0), "1,000");
        assert_eq!(number(1_234_567.891, 2), "1,234,567.89");
        assert_eq!(number(0.004, 2), "0.00");
    }

    #[test]
    fn rows_without_a_figure_have_a_dash_and_nothing_is_divided_by_zero() {
        let mut table = Table::new("program", &["ours", "theirs", "limit"]);
        table.add_with_ratios("bytes", 0, &[500.0, 691_000.0]);
        table.add_with_ratios("ms", 2, &[0.0, 43.1]);
        let text = "program    bytes       ×     ms\n\
                    ours         500    1.0×   0.00\n\
                    theirs   691,000  1,382×  43.10\n\
                    limit          –       –      –\n";
        assert_eq!(table.to_string(), text);
        assert!(table.markdown().starts_with("| program | bytes | × | ms |\n|---|--:|--:|--:|\n| ours | 500 |"));
    }
}
