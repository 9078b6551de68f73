/** Reads a Dockerfile and its ignore file as far as the tests need them, strictly: what it does not know is an error. */

export interface Instruction {
  keyword: string
  /** Options before the arguments, e.g. `from` of `--from=build`. */
  flags: Record<string, string>
  /** The rest of the line, continued lines joined. */
  rest: string
}

export interface Stage {
  image: string
  name: string
  instructions: Instruction[]
}

export interface Dockerfile {
  /** Defaults of `ARG` before the first stage. */
  args: Record<string, string>
  stages: Stage[]
}

const keywords = 'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN USER VOLUME WORKDIR'.split(
  ' ',
)

export function readDockerfile(text: string): Dockerfile {
  const file: Dockerfile = { args: {}, stages: [] }
  for (const instruction of readInstructions(text)) {
    const { keyword, rest } = instruction
    const stage = file.stages.at(-1)
    if (keyword === 'FROM') file.stages.push(readStage(rest, file))
    else if (stage !== undefined) stage.instructions.push(instruction)
    else if (keyword === 'ARG') Object.assign(file.args, readPairs(rest))
    else throw new Error(`${keyword} stands before the first FROM`)
  }
  return file
}

function readInstructions(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*#/.test(line))
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => {
      const [, keyword = '', flags = '', rest = ''] =
        /^([A-Z]+)((?:\s+--[\w-]+=\S+)*)\s+(.+)$/.exec(line) ?? []
      if (!keywords.includes(keyword)) throw new Error(`not an instruction: ${line}`)
      const pairs = flags.trim().split(/\s+/).filter(Boolean)
      return { keyword, flags: Object.fromEntries(pairs.map((pair) => pair.slice(2).split(/=(.*)/))), rest }
    })
}

function readStage(rest: string, { args, stages }: Dockerfile): Stage {
  const [, from = '', name = ''] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(rest) ?? []
  const image = from.replaceAll(/\$\{(\w+)\}/g, (_, arg: string) => {
    if (args[arg] === undefined) throw new Error(`FROM uses ${arg}, which has no ARG before it`)
    return args[arg]
  })
  const base = stages.find((stage) => stage.name === image)
  return { image: base?.image ?? image, name, instructions: [...(base?.instructions ?? [])] }
}

/** `A=1 B="two words"`. */
export function readPairs(rest: string): Record<string, string> {
  const pairs = [...rest.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)]
  return Object.fromEntries(pairs.map(([, key = '', quoted, bare]) => [key, quoted ?? bare ?? '']))
}

/** The arguments of the last instruction of that kind; throws where there is none. */
export function lastOf({ instructions }: Stage, keyword: string): Instruction {
  const found = instructions.findLast((instruction) => instruction.keyword === keyword)
  if (found === undefined) throw new Error(`no ${keyword}`)
  return found
}

/** Whether a path of the context is left out: the last pattern that it or a folder above it matches decides. */
export function isIgnored(ignoreFile: string, path: string): boolean {
  let ignored = false
  for (const line of ignoreFile.split('\n')) {
    const pattern = line.trim()
    if (pattern === '' || pattern.startsWith('#')) continue
    const keep = pattern.startsWith('!')
    const expression = (keep ? pattern.slice(1) : pattern)
      .replaceAll('.', '\\.')
      .replaceAll(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'))
    if (new RegExp(`^${expression}(?:/.*)?$`).test(path)) ignored = !keep
  }
  return ignored
}
