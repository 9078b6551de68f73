import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type CommandSyntax,
  parseArguments,
  renderHelp,
  type StartPlan,
} from '../../../server/config/locate.ts'
import { assertProblem, findProblems } from './fixtures.ts'

const parse = (argv: string[], env: Record<string, string> = {}, files: string[] = []): StartPlan =>
  parseArguments({ argv, env, fileExists: (path) => files.includes(path) })

describe('parseArguments', () => {
  it('finds the configuration: flag, environment, ./config.json, sandbox', () => {
    const env = { DRAGOMAN_CONFIG: 'env.json' }
    const files = ['./config.json']
    const path = (plan: StartPlan) => (plan.kind === 'run' ? plan.configPath : plan.kind)
    assert.equal(path(parse(['--config', 'flag.json'], env, files)), 'flag.json')
    assert.equal(path(parse(['--config=a=b.json'], env, files)), 'a=b.json')
    assert.equal(path(parse([], env, files)), 'env.json')
    assert.equal(path(parse([], { DRAGOMAN_CONFIG: '' }, files)), './config.json')
    assert.equal(path(parse([])), null)
  })

  it('takes host and port from flags before the environment', () => {
    const env = { HOST: '10.0.0.1', PORT: '80' }
    assert.deepEqual(parse([], env), {
      kind: 'run',
      configPath: null,
      overrides: { host: '10.0.0.1', port: 80 },
    })
    assert.deepEqual(parse(['--port', '0', '--host=::1'], env), {
      kind: 'run',
      configPath: null,
      overrides: { host: '::1', port: 0 },
    })
    assert.deepEqual(parse([], { HOST: '', PORT: '' }), { kind: 'run', configPath: null, overrides: {} })
  })

  it('refuses what is no port, and names where it stands', () => {
    for (const port of ['65536', '-1', '1.5', 'http', '0x50', '1e3', ' 80']) {
      assertProblem(() => parse([`--port=${port}`]), '--port', /not a port/)
      assertProblem(() => parse([], { PORT: port }), 'PORT', /not a port/)
    }
  })

  it('answers help and version', () => {
    for (const flag of ['--help', '-h']) assert.deepEqual(parse([flag]), { kind: 'help' })
    for (const flag of ['--version', '-v']) assert.deepEqual(parse([flag]), { kind: 'version' })
    for (const flag of ['--config', '--host', '--port', '--help', '--version'])
      assert.ok(renderHelp([]).includes(flag))
  })

  it('refuses what it does not know, all at once', () => {
    const problems = findProblems(() => parse(['--prot', '80', '--config', '--help=yes']))
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['--prot', '80', '--config', '--help'],
    )
    assert.match(problems[0]!.message, /did you mean "--port"\? Known: "--config", "--host", "--port"/)
    assert.match(problems[2]!.message, /needs a value: --config <path>/)
    assert.deepEqual(
      findProblems(() => parse(['--port', '70000', '--host'])).map(({ path }) => path),
      ['--host', '--port'],
    )
  })

  describe('a command', () => {
    const to = { flag: '--to', value: '<file>', summary: 'Where to.', required: true, bare: true }
    const dry = { flag: '--dry', value: null, summary: 'Only looks.' }
    const commands: CommandSyntax[] = [
      { name: 'copy', summary: 'Copies.', options: [to, dry] },
      { name: 'sums make', summary: 'Makes sums.', options: [] },
    ]
    const command = (argv: string[], env: Record<string, string> = {}) =>
      parseArguments({ argv, env, fileExists: () => false, commands })

    it('is the first word or words, with options of its own and a configuration', () => {
      const plan = (to: string, configPath: string | null, ...words: string[]) => ({
        kind: 'command',
        name: 'copy',
        configPath,
        options: new Map([['--to', to], ...words.map((word) => [word, ''] as const)]),
      })
      assert.deepEqual(command(['copy', '--to', 'a.db', '--config', 'c.json']), plan('a.db', 'c.json'))
      assert.deepEqual(
        command(['copy', '--dry', 'a.db'], { DRAGOMAN_CONFIG: 'e' }),
        plan('a.db', 'e', '--dry'),
      )
      assert.deepEqual(command(['sums', 'make']), {
        kind: 'command',
        name: 'sums make',
        configPath: null,
        options: new Map(),
      })
      assert.equal(command([]).kind, 'run')
      assert.equal(command(['copy', '--help']).kind, 'help')
    })
    it('is refused by name when something is wrong', () => {
      assertProblem(
        () => command(['cpoy', 'a.db']),
        'cpoy',
        /not a command; did you mean "copy"\? .*"sums make"/,
      )
      assertProblem(() => command(['sums']), 'sums', /not a command/)
      assertProblem(() => command(['copy']), '--to', /is needed: copy --to <file>/)
      assertProblem(() => command(['copy', 'a', '--port=1']), '--port', /not an option; .*known: .*"--to"/i)
      assertProblem(() => command(['copy', 'a', 'b']), 'b', /not an option/)
    })
    it('stands in the help with what it takes', () => {
      const help = renderHelp(commands)
      for (const word of ['copy', 'Copies.', '--to <file>', 'Where to.', 'sums make', '--dry'])
        assert.ok(help.includes(word), word)
    })
  })
})
