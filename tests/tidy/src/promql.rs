//! As much of PromQL as it takes to know which metrics and labels an expression names.

use std::collections::BTreeSet;

/// One selector of an expression: a metric, and the labels that its matchers name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Name as written, `_bucket` and the like included.
    pub metric: String,
    /// Labels between the braces.
    pub labels: BTreeSet<String>,
}

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its selectors, in order.
    pub selectors: Vec<Selector>,
    /// Labels of `by`, `without`, `on`, `ignoring`; `None` if there is no such clause.
    pub grouping: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Text,
    Symbol(char),
}

/// Words before a list of labels.
const CLAUSES: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Other words that are no metric.
const OPERATORS: [&str; 6] = ["and", "or", "unless", "bool", "offset", "atan2"];

fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let start = at;
        match letters[at] {
            quote @ ('"' | '\'') => {
                at += 1;
                while at < letters.len() && letters[at] != quote {
                    at += 1 + usize::from(letters[at] == '\\');
                }
                at += 1;
                found.push(Token::Text);
            }
            // A range, as [5m] or [$__rate_interval].
            '[' => {
                while at < letters.len() && letters[at] != ']' {
                    at += 1;
                }
                at += 1;
            }
            letter if letter.is_alphabetic() || letter == '_' || letter == '$' => {
                while at < letters.len() && (letters[at].is_alphanumeric() || "_:$".contains(letters[at])) {
                    at += 1;
                }
                found.push(Token::Name(letters[start..at].iter().collect()));
            }
            // A number, or a duration.
            letter if letter.is_ascii_digit() => {
                while at < letters.len() && (letters[at].is_alphanumeric() || letters[at] == '.') {
                    at += 1;
                }
            }
            letter => {
                at += 1;
                if !letter.is_whitespace() {
                    found.push(Token::Symbol(letter));
                }
            }
        }
    }
    found
}

/// What `expression` names.
pub fn named(expression: &str) -> Named {
    let tokens = tokens(expression);
    let mut named = Named::default();
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens.get(at + 1);
        match &tokens[at] {
            Token::Name(word) if CLAUSES.contains(&word.as_str()) => {
                let labels = named.grouping.get_or_insert_default();
                if next == Some(&Token::Symbol('(')) {
                    at += 2;
                    while at < tokens.len() && tokens[at] != Token::Symbol(')') {
                        if let Token::Name(label) = &tokens[at] {
                            labels.insert(label.clone());
                        }
                        at += 1;
                    }
                }
            }
            Token::Name(word) => {
                // A function, or an aggregation with its clause before its argument.
                let call = next == Some(&Token::Symbol('('))
                    || matches!(next, Some(Token::Name(clause)) if CLAUSES.contains(&clause.as_str())
                        && tokens.get(at + 2) == Some(&Token::Symbol('(')) && !word.starts_with("weft_"));
                if !call && !OPERATORS.contains(&word.as_str()) {
                    named.selectors.push(Selector { metric: word.clone(), ..Selector::default() });
                }
            }
            Token::Symbol('{') => {
                while at < tokens.len() && tokens[at] != Token::Symbol('}') {
                    if let (Token::Name(label), Some(Token::Symbol('=' | '!')), Some(selector)) =
                        (&tokens[at], tokens.get(at + 1), named.selectors.last_mut())
                    {
                        selector.labels.insert(label.clone());
                    }
                    at += 1;
                }
            }
            Token::Text | Token::Symbol(_) => {}
        }
        at += 1;
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_labels_are_found() {
        let found = named(
            "histogram_quantile(0.99, sum by (chain, le) (rate(weft_a_bucket{job=~\"x{y\",b!='z'}[5m]))) > 1e3 \
             and on(instance) weft_b offset 5m == bool up{a=\"1\"}",
        );
        let selector = |metric: &str, labels: &[&str]| Selector {
            metric: metric.to_owned(),
            labels: labels.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(
            found.selectors,
            [selector("weft_a_bucket", &["b", "job"]), selector("weft_b", &[]), selector("up", &["a"])]
        );
        let grouping: Vec<String> = found.grouping.into_iter().flatten().collect();
        assert_eq!(grouping, ["chain", "instance", "le"]);
        assert_eq!(named("sum(rate(weft_a[$__rate_interval])) by (x)").selectors.len(), 1);
        assert_eq!(named("weft_a > weft_b").grouping, None);
    }
}
