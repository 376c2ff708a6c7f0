//! Trace context between services, in the headers of a call.
//!
//! `traceparent` is W3C Trace Context: the batch's own trace. A batch also
//! belongs to the traces of its transactions, of which the standard knows
//! nothing: `weft-traces` lists those that are traced, at most
//! [`MAX_TRACES`], 48 hexadecimal digits each, with commas between. Headers
//! that are malformed are passed over: a trace is nothing that a call may
//! fail for.

use std::future::Future;

use tonic::metadata::MetadataMap;
use weft_primitives::SpanPoint;

/// Transactions of one call that are traced; further ones are not.
pub const MAX_TRACES: usize = 32;

const PARENT: &str = "traceparent";
const TRACES: &str = "weft-traces";

/// What a call is a part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// Spans that the callee's own spans are children of: the batch's first, then the transactions'.
    pub parents: Vec<SpanPoint>,
}

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Does `work`; the calls that it makes carry `context`.
pub async fn within<T>(context: TraceContext, work: impl Future<Output = T>) -> T {
    if context.parents.is_empty() { work.await } else { CURRENT.scope(context, work).await }
}

/// Adds the current context, if there is one, to a call's headers.
pub(crate) fn inject(headers: &mut MetadataMap) {
    // An error says that there is none.
    let _ = CURRENT.try_with(|context| write(context, headers));
}

fn write(context: &TraceContext, headers: &mut MetadataMap) {
    let Some((batch, transactions)) = context.parents.split_first() else { return };
    let text = batch.to_text();
    let (trace, span) = text.split_at(32);
    let listed: Vec<String> = transactions.iter().take(MAX_TRACES).map(|point| point.to_text()).collect();
    // Hexadecimal digits, commas and dashes always make a header.
    if let (Ok(parent), Ok(traces)) = (format!("00-{trace}-{span}-01").parse(), listed.join(",").parse()) {
        headers.insert(PARENT, parent);
        headers.insert(TRACES, traces);
    }
}

impl TraceContext {
    /// What a call's headers say; empty if they say nothing, or that the caller does not trace.
    pub fn of(headers: &MetadataMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let batch = text(PARENT).and_then(|parent| match parent.split('-').collect::<Vec<_>>()[..] {
            ["00", trace, span, "01"] if trace.len() == 32 => SpanPoint::from_text(&format!("{trace}{span}")),
            _ => None,
        });
        let Some(batch) = batch else { return Self::default() };
        let listed = text(TRACES).unwrap_or_default().split(',').take(MAX_TRACES);
        Self { parents: std::iter::once(batch).chain(listed.filter_map(SpanPoint::from_text)).collect() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use weft_primitives::B256;

    use super::*;

    fn context(transactions: u8) -> TraceContext {
        TraceContext { parents: (0..=transactions).map(|at| SpanPoint::of(&B256::repeat_byte(at + 1))).collect() }
    }

    #[tokio::test]
    async fn what_is_put_into_headers_is_read_from_them() {
        let mut headers = MetadataMap::new();
        inject(&mut headers);
        assert!(headers.is_empty(), "without a context nothing is sent");
        within(context(3), async { inject(&mut headers) }).await;
        let parent = headers.get("traceparent").unwrap().to_str().unwrap();
        assert_eq!(parent, "00-01010101010101010101010101010101-0101010101010101-01");
        assert_eq!(TraceContext::of(&headers), context(3));
        within(context(100), async { inject(&mut headers) }).await;
        assert_eq!(TraceContext::of(&headers).parents.len(), 1 + MAX_TRACES);
    }

    #[test]
    fn strange_headers_are_passed_over() {
        let read = |parent: &str, traces: String| {
            let mut headers = MetadataMap::new();
            headers.insert(PARENT, parent.parse().unwrap());
            headers.insert(TRACES, traces.parse().unwrap());
            TraceContext::of(&headers).parents.len()
        };
        let (trace, span) = ("0a".repeat(16), "0b".repeat(8));
        let point = format!("{trace}{span}");
        assert_eq!(read(&format!("00-{trace}-{span}-01"), format!("{point},x,,{point}")), 3);
        assert_eq!(read(&format!("00-{trace}-{span}-00"), point.clone()), 0, "the caller does not trace");
        for wrong in ["", "00", "01-", "00---01", &format!("00-{span}-{trace}-01"), &format!("00-{trace}-{span}")] {
            assert_eq!(read(wrong, point.clone()), 0, "{wrong}");
        }
        assert_eq!(read(&format!("00-{trace}-{span}-01"), vec![point; 1_000].join(",")), 1 + MAX_TRACES);
    }
}
