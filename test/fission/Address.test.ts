import { assert, describe, it } from "@effect/vitest"
import { addressOf, hostOf, normalizeAddress } from "../../src/fission/Address.ts"

describe("an address", () => {
  it.for([
    ["10.1.2.3", "10.1.2.3:8888"],
    ["fd00::7", "[fd00::7]:8888"],
    ["[fd00::7]", "[fd00::7]:8888"],
    ["fn.team-a", "fn.team-a:8888"]
  ] as const)("of %s is %s", ([host, expected]) => {
    assert.strictEqual(addressOf(host, 8888), expected)
  })

  it.for([
    ["http://10.1.2.3:8888", "10.1.2.3:8888"],
    ["10.1.2.3:8888", "10.1.2.3:8888"],
    ["http://[fd00::7]:8888", "[fd00::7]:8888"],
    ["fd00::7:8888", "[fd00::7]:8888"],
    ["fn.team-a", "fn.team-a"],
    ["", ""]
  ] as const)("written as %s is the same as %s", ([text, expected]) => {
    assert.strictEqual(normalizeAddress(text), expected)
  })

  it.for([
    ["10.1.2.3:8888", "10.1.2.3"],
    ["[fd00::7]:8888", "fd00::7"],
    ["fn", ""]
  ] as const)("%s has the host %s", ([address, host]) => {
    assert.strictEqual(hostOf(address), host)
  })
})
