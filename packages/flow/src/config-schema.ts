/** The JSON Schema (2020-12) of one extension's entry in the flow file: checked, completed by editors, printed in the docs. */
export interface ConfigSchema {
  type: 'object';
  properties: Record<string, { description: string; [keyword: string]: unknown }>;
  required?: string[];
  additionalProperties: false;
}
