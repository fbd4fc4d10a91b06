//! Prompts and their answers, as an operator sees them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sysmaint_protocol::{ContentId, Timestamp, body::Answer};

use crate::{
    SqlError,
    device_store::{blob16, invalid, timestamp},
};

/// The chat table.
#[derive(Clone, Copy, Debug)]
pub struct Chat<'a>(pub(crate) &'a Connection);

/// A prompt and, once it came, its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRow {
    /// The prompt's id.
    pub content_id: ContentId,
    /// What was asked.
    pub prompt: String,
    /// When.
    pub asked_at: Timestamp,
    /// The answer and when it arrived.
    pub answer: Option<(Answer, Timestamp)>,
}

impl Chat<'_> {
    /// Notes a prompt.
    pub fn ask(&self, id: ContentId, prompt: &str, now: Timestamp) -> Result<(), SqlError> {
        self.0
            .prepare_cached("INSERT INTO chat (content_id, prompt, asked_at) VALUES (?1, ?2, ?3)")?
            .execute(params![id.as_bytes(), prompt, now.as_millis()])?;
        Ok(())
    }

    /// Notes the answer to a prompt; false if there is no such prompt or it was answered before.
    pub fn answer(&self, id: ContentId, answer: &Answer, now: Timestamp) -> Result<bool, SqlError> {
        let body = serde_json::to_string(answer)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let changed = self
            .0
            .prepare_cached(
                "UPDATE chat SET answer = ?2, answered_at = ?3
                 WHERE content_id = ?1 AND answer IS NULL",
            )?
            .execute(params![id.as_bytes(), body, now.as_millis()])?;
        Ok(changed == 1)
    }

    /// One prompt.
    pub fn get(&self, id: ContentId) -> Result<Option<ChatRow>, SqlError> {
        Ok(self
            .0
            .prepare_cached(
                "SELECT content_id, prompt, asked_at, answer, answered_at FROM chat
                 WHERE content_id = ?1",
            )?
            .query_row([id.as_bytes()], row)
            .optional()?)
    }

    /// The latest prompts, oldest first.
    pub fn history(&self, limit: usize) -> Result<Vec<ChatRow>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT content_id, prompt, asked_at, answer, answered_at FROM chat
             ORDER BY id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], row)?;
        let mut rows: Vec<ChatRow> = rows.collect::<Result<_, _>>()?;
        rows.reverse();
        Ok(rows)
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<ChatRow> {
    let answer: Option<String> = row.get(3)?;
    let answer = answer
        .map(|body| {
            let answer = serde_json::from_str(&body).map_err(|error| invalid(3, error))?;
            Ok::<_, rusqlite::Error>((answer, timestamp(row, 4)?))
        })
        .transpose()?;
    Ok(ChatRow {
        content_id: ContentId::from_bytes(blob16(row, 0)?),
        prompt: row.get(1)?,
        asked_at: timestamp(row, 2)?,
        answer,
    })
}
