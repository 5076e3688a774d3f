const WORD = String.raw`[\p{L}_][\p{L}\p{N}_$]*`;

/** Source of a regular expression for a parameter name that PostgreSQL accepts: words joined by dots. Needs the flag `u`. */
export const PARAMETER_NAME = String.raw`${WORD}(?:\.${WORD})*`;
