create type app.gate_answer as (legal_basis text, refusal text, retry_at timestamptz);
