//! Rows of cells, each column as wide as its widest cell.

/// Blanks between columns.
const GAP: usize = 2;

/// Writes rows, each on a line that begins with `indent`.
pub(crate) fn write(out: &mut String, indent: &str, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            let blanks = width + GAP - cell.chars().count();
            line.extend(std::iter::repeat_n(' ', blanks));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a", "bcd", "e"], vec!["longer", "b"], vec![]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let mut out = String::new();
        write(&mut out, "- ", &rows);
        assert_eq!(out, "- a       bcd  e\n- longer  b\n-\n");
    }
}
