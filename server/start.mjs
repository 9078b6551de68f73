// The one plain-JavaScript file: it must parse on any Node, so that an old one gets a sentence and not a stack trace.
import module from 'node:module'

const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `Dragoman needs Node.js 22.19 or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'Run it through npm (`npm ci && npm start`), which uses the Node.js that the project installs for itself, or upgrade Node.js.',
  )
  process.exit(1)
}

// Compiled code is kept between starts, and each thread is spared the TypeScript stripper: a quicker start and less memory.
module.enableCompileCache()

await import('./index.ts')
