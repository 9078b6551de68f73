import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

/** Bytes that wait to be sent past which the client counts as behind: as many as Node's sockets take. */
const highWater = 65_536

/** The frames to one client, and whether it keeps up with them. */
export interface FrameWriter {
  /** Sends text frames, in one write. False: the client is behind. What a client that has gone should get is dropped. */
  write(frames: readonly string[]): boolean
  /** Sets the listener to call each time a client that was behind has caught up. */
  onDrain(listener: () => void): void
  /** Resolves as soon as the client is not behind, or has gone. */
  caughtUp(): Promise<void>
}

/** @param transport the socket under `socket`. */
export function createFrameWriter(socket: WebSocket, transport: Duplex): FrameWriter {
  let behind = false
  let listener: () => void = () => {}
  let waiting: (() => void)[] = []

  function noteFlushed(): void {
    if (!behind || (socket.readyState === socket.OPEN && socket.bufferedAmount > highWater / 2)) return
    behind = false
    listener()
    const resolved = waiting
    waiting = []
    for (const resolve of resolved) resolve()
  }
  socket.on('close', noteFlushed)
  return {
    write(frames) {
      if (socket.readyState !== socket.OPEN) return true
      transport.cork()
      for (const frame of frames) socket.send(frame, noteFlushed)
      transport.uncork()
      behind = socket.bufferedAmount > highWater
      return !behind
    },
    onDrain(next) {
      listener = next
    },
    caughtUp: () => (behind ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
  }
}
