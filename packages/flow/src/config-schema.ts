/** The JSON Schema (2020-12) of one extension's entry in the flow file: checked, completed by editors, printed in the docs. */
export interface ConfigSchema {
  type: 'object';
  properties: Record<string, { description: string; [keyword: string]: unknown }>;
  required?: string[];
  additionalProperties: false;
}

/** Something wrong with a configuration that its JSON Schema cannot see. */
export interface ConfigProblem {
  /** Where in the entry. */
  path: readonly (string | number)[];
  what: string;
  help?: string;
}
