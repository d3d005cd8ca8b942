/** Whether a process of this machine is there. */
import { errnoOf } from '../io/errno.js'

/** Signal 0 asks only. A process of another user is there too. */
export function isProcessAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
