/**
 * Builds the dashboard into `dashboard/dist`: `node dashboard/build.ts`, with `--watch` for development.
 *
 * The output needs no inline script or style, so that the server can send a strict content security policy:
 * `index.html`, and under `assets/` files whose names hold a hash of their content (cacheable for ever).
 */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, context, type Metafile, type Plugin } from 'esbuild'

const root = dirname(fileURLToPath(import.meta.url))
const outdir = join(root, 'dist')
const watch = process.argv.includes('--watch')

const shared = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  minify: !watch,
  metafile: true,
  sourcemap: false,
  legalComments: 'none',
  target: ['chrome123', 'firefox128', 'safari17.5'],
  logLevel: 'warning',
} satisfies BuildOptions

/** The page itself: modules, pages split off to be loaded when they are first shown. */
const application = {
  ...shared,
  entryPoints: { main: 'main.ts', styles: 'styles/global.css' },
  format: 'esm',
  splitting: true,
  conditions: watch ? ['development'] : ['production'],
  entryNames: 'assets/[name]-[hash]',
  chunkNames: 'assets/[name]-[hash]',
} satisfies BuildOptions

/** Runs before the first paint, so that a chosen theme does not flash: a classic script. */
const boot = {
  ...shared,
  entryPoints: { theme: 'theme-boot.ts', icon: 'icon.svg' },
  format: 'iife',
  loader: { '.svg': 'copy' },
  entryNames: 'assets/[name]-[hash]',
} satisfies BuildOptions

/** The output made from an entry point, as a path below `dist`. */
function findOutput(metafile: Metafile, entryPoint: string, extension: string): string {
  for (const [file, output] of Object.entries(metafile.outputs)) {
    const from = output.entryPoint ?? Object.keys(output.inputs)[0]
    if (from === entryPoint && file.endsWith(extension)) return file.slice('dist/'.length)
  }
  throw new Error(`esbuild made no output for ${entryPoint}`)
}

async function writeIndex(applicationMeta: Metafile, bootMeta: Metafile): Promise<void> {
  const names: Record<string, string> = {
    '%MAIN%': findOutput(applicationMeta, 'main.ts', '.js'),
    '%STYLES%': findOutput(applicationMeta, 'styles/global.css', '.css'),
    '%THEME%': findOutput(bootMeta, 'theme-boot.ts', '.js'),
    '%ICON%': findOutput(bootMeta, 'icon.svg', '.svg'),
  }
  const template = await readFile(join(root, 'index.html'), 'utf8')
  const page = template.replace(/%[A-Z]+%/g, (name) => names[name] ?? name)
  // Renamed into place: a server that reads it meanwhile sees the old page or the new one, never half of one.
  const temporary = join(outdir, `index.html.${process.pid}`)
  await writeFile(temporary, page)
  await rename(temporary, join(outdir, 'index.html'))
}

async function buildOnce(): Promise<void> {
  await rm(join(outdir, 'assets'), { recursive: true, force: true })
  await mkdir(outdir, { recursive: true })
  const [applicationResult, bootResult] = await Promise.all([build(application), build(boot)])
  await writeIndex(applicationResult.metafile, bootResult.metafile)
}

async function buildOnChange(): Promise<void> {
  await mkdir(outdir, { recursive: true })
  const { metafile: bootMeta } = await build(boot)
  const rewriteIndex: Plugin = {
    name: 'rewrite-index',
    setup(plugin) {
      plugin.onEnd(async ({ metafile }) => {
        if (metafile) await writeIndex(metafile, bootMeta)
      })
    },
  }
  const watcher = await context({ ...application, plugins: [rewriteIndex] })
  await watcher.watch()
}

if (watch) await buildOnChange()
else await buildOnce()
