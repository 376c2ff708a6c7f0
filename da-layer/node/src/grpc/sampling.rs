//! What light clients sample: digests, and rows with their paths.

use futures::stream;
use tonic::{Request, Response, Status};
use weft_wire::pb::da::v1 as pb;
use weft_wire::status::Plain;

use super::{Boxed, DaService};
use crate::reader::Reader;

/// Rows in one request.
const MAX_ROWS: usize = 4_096;

impl DaService {
    pub(super) async fn digests(
        &self,
        request: Request<pb::GetDigestsRequest>,
    ) -> Result<Response<pb::GetDigestsResponse>, Status> {
        let height = request.into_inner().height;
        let digests = self.read(move |reader| reader.digests(height)).await?;
        let digests = digests.ok_or_else(|| Plain::not_found(format_args!("DA block {height}")))?;
        Ok(Response::new(pb::GetDigestsResponse { digests: digests.into() }))
    }

    pub(super) async fn rows(
        &self,
        request: Request<pb::GetRowsRequest>,
    ) -> Result<Response<Boxed<pb::GetRowsResponse>>, Status> {
        let pb::GetRowsRequest { height, indices } = request.into_inner();
        if indices.len() > MAX_ROWS {
            return Err(Plain::invalid("LIMIT", format!("{} rows are above {MAX_ROWS}", indices.len())).into());
        }
        let asked = indices.clone();
        let read = move |reader: Reader| {
            let header = reader.header(height)?.map(|signed| signed.header);
            let beyond = |index: &&u32| header.is_some_and(|header| **index as usize >= header.shape.rows());
            if let Some(index) = asked.iter().find(beyond) {
                return Ok(Err(*index));
            }
            reader.rows(height, &asked).map(Ok)
        };
        let rows = self
            .read(read)
            .await?
            .map_err(|index| Plain::invalid("ROW_INDEX", format!("row {index} is beyond the block's last")))?
            .ok_or_else(|| Plain::not_found(format_args!("DA block {height}")))?;
        metrics::counter!("weft_da_rows_served_total").increment(rows.iter().flatten().count() as u64);
        let answers = indices.into_iter().zip(rows).map(|(index, row)| {
            let result = match row {
                Some(row) => pb::get_rows_response::Result::Row(row.into()),
                None => pb::get_rows_response::Result::Missing(true),
            };
            Ok(pb::GetRowsResponse { index, result: Some(result) })
        });
        Ok(Response::new(Box::pin(stream::iter(answers))))
    }
}
