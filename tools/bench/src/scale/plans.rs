//! How Postgres goes about each statement in a function.

use std::{collections::BTreeSet, fmt};

use anyhow::Result;
use tokio_postgres::error::DbError;

use super::calls::{Database, SCRIPTS};

/// Has Postgres send us the plan of every statement, those in functions included.
const EXPLAIN: &str = "
    load 'auto_explain';
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on;
    set auto_explain.log_buffers = on;
    set auto_explain.log_parameter_max_length = 0;
    set auto_explain.log_level = notice;
";

/// A statement and what became of it.
#[derive(Debug)]
pub(super) struct Plan {
    /// The function it is in.
    place: String,
    statement: String,
    plan: String,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, statement, plan } = self;
        writeln!(f, "### {place}\n\n```text\n{statement}\n\n{plan}\n```")
    }
}

/// Plays every script again and returns the plan of each statement, once.
pub(super) async fn of(database: &mut Database) -> Result<Vec<Plan>> {
    database.client().batch_execute(EXPLAIN).await?;
    for script in SCRIPTS {
        database.turn(script, 0).await?;
    }
    // Of the second time, when what is needed is in memory.
    database.notices();
    for script in SCRIPTS {
        database.turn(script, 0).await?;
    }
    let mut seen = BTreeSet::new();
    let plans = database.notices().iter().filter_map(plan).collect::<Vec<_>>();
    Ok(plans
        .into_iter()
        .filter(|plan| seen.insert((plan.place.clone(), plan.statement.clone())))
        .collect())
}

/// The plan in a notice, if it is one that touches a table and is of a function.
fn plan(notice: &DbError) -> Option<Plan> {
    let context = notice.where_()?;
    let place = context.lines().find(|line| line.contains("function"))?;
    read(place, notice.message())
}

/// How the look-ups begin that foreign keys cause: each finds one row by its primary key.
const FOREIGN_KEY: &str = "SELECT 1 FROM ONLY ";

/// Reads what auto_explain writes: a duration, the statement after `Query Text: `, the plan.
fn read(place: &str, message: &str) -> Option<Plan> {
    let (_, rest) = message.split_once("Query Text: ")?;
    let (mut statement, mut plan) = (String::new(), String::new());
    for line in rest.lines() {
        match line.split_once("  (cost=") {
            // What was estimated says nothing about what was done.
            Some((node, figures)) => {
                let figures = figures.split_once(") ").map_or("", |(_, actual)| actual);
                plan += &format!("{node}  {figures}\n");
            }
            None if plan.is_empty() => {
                statement.extend(line.split_ascii_whitespace().flat_map(|word| [word, " "]));
            }
            None => plan += &format!("{line}\n"),
        }
    }
    let touches_a_table = plan.contains(" on ");
    (touches_a_table && !statement.starts_with(FOREIGN_KEY)).then(|| Plan {
        place: place.trim().to_owned(),
        statement: statement.trim_end().to_owned(),
        plan: plan.trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_with_what_was_done() {
        let message = "duration: 0.012 ms  plan:\n\
            Query Text: select *\n    from app.leads\n    where id = p_lead_id\n\
            Index Scan using leads_pkey on leads  (cost=0.42..8.44 rows=1 width=9) (actual time=0.010..0.011 rows=1 loops=1)\n  \
            Index Cond: (id = $1)\n  Buffers: shared hit=4";
        let plan =
            read("PL/pgSQL function app.gate(uuid,text,uuid) line 9 at SQL statement", message);
        let want = "### PL/pgSQL function app.gate(uuid,text,uuid) line 9 at SQL statement\n\n\
            ```text\nselect * from app.leads where id = p_lead_id\n\n\
            Index Scan using leads_pkey on leads  (actual time=0.010..0.011 rows=1 loops=1)\n  \
            Index Cond: (id = $1)\n  Buffers: shared hit=4\n```\n";
        assert_eq!(plan.unwrap().to_string(), want);
        // No table is read for this one.
        assert!(
            read("", "Query Text: select 1\nResult  (cost=0.00..0.01 rows=1 width=4) (actual …)")
                .is_none()
        );
    }
}
