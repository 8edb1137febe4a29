// JSON without losses: a number keeps the digits it was written with.

// Turns JSON text into a value. Numbers that a JavaScript number would change come out as
// raw JSON, which JSON.stringify writes as it was.
export function parse(text) {
  return JSON.parse(text, (_, value, { source }) =>
    typeof value === 'number' && String(value) !== source ? JSON.rawJSON(source) : value,
  );
}
