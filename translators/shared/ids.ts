/** The prefixes of the ids that the gateway makes, per kind of item, as OpenAI's own look. */

const prefixes: { readonly [type: string]: string } = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'ctco',
  web_search_call: 'ws',
  file_search_call: 'fs',
  code_interpreter_call: 'ci',
  image_generation_call: 'ig',
  computer_call: 'cu',
  local_shell_call: 'lsh',
  shell_call: 'sh',
  shell_call_output: 'sho',
  apply_patch_call: 'apc',
  apply_patch_call_output: 'apco',
  mcp_call: 'mcp',
  mcp_list_tools: 'mcpl',
  mcp_approval_request: 'mcpr',
  tool_search_call: 'tsc',
  tool_search_output: 'tso',
  compaction: 'cmp',
}

/** The id prefix of an item kind, without the underscore; `item` for kinds that nobody has named yet. */
export function idPrefix(type: string): string {
  return Object.hasOwn(prefixes, type) ? (prefixes[type] ?? 'item') : 'item'
}
