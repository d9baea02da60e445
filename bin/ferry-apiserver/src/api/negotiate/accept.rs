//! The header in which a client says which forms it takes.

/// One form that a client takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType<'a> {
    /// In small letters, as the next.
    pub(super) kind: String,
    pub(super) subtype: String,
    parameters: Vec<(&'a str, &'a str)>,
    /// How much it is wanted, in thousandths.
    quality: u16,
}

/// How many forms are looked at. Clients name three; whoever names thousands wants to keep us busy.
const MOST_FORMS: usize = 32;

impl<'a> MediaType<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let (kind, subtype) =
            (kind.trim().to_ascii_lowercase(), subtype.trim().to_ascii_lowercase());
        let mut media = Self { kind, subtype, parameters: Vec::new(), quality: 1000 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                media.quality = quality(value);
            } else {
                media.parameters.push((name, value));
            }
        }
        Some(media)
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }
}

/// `0.5` as 500. What is no number is fully wanted.
fn quality(value: &str) -> u16 {
    let digits = |digits: &str| -> Option<u16> { format!("{digits:0<3}").get(..3)?.parse().ok() };
    match value.split_once('.').unwrap_or((value, "")) {
        ("0", fraction) => digits(fraction).unwrap_or(1000),
        _ => 1000,
    }
}

/// The forms that a client takes, the most wanted first.
pub(super) fn accepted(header: &str) -> Vec<MediaType<'_>> {
    let mut forms: Vec<_> = header
        .split(',')
        .take(MOST_FORMS)
        .filter_map(|text| MediaType::parse(text.trim()))
        .collect();
    forms.retain(|form| form.quality > 0);
    forms.sort_by_key(|form| std::cmp::Reverse(form.quality));
    forms
}
