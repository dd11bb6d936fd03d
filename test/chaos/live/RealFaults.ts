import { Effect } from "effect"
import { RealCluster } from "./RealCluster.ts"
import type { Scenario } from "./Scenario.ts"

const use =
  <A, E, R>(harm: (cluster: RealCluster["Service"]) => Effect.Effect<A, E, R>) =>
  () =>
    RealCluster.use(harm)

/** A server takes some seconds to start; the executor recovers from when it could be answered. */
const restarted = ({ answers, server }: RealCluster["Service"]) => Effect.andThen(server.start, answers)

/** Two of three members: what is left of etcd accepts no write and answers no quorum read. */
const majority = ({ members }: RealCluster["Service"]) => members.slice(0, 2)

/** What is done to the programs themselves, over an etcd of one member. */
export const faults: ReadonlyArray<Scenario<RealCluster>> = [
  {
    fault: "real: etcd frozen by SIGSTOP",
    lasts: "60 seconds",
    begin: use(({ etcd }) => etcd.signal("SIGSTOP")),
    end: use(({ etcd }) => etcd.signal("SIGCONT"))
  },
  {
    fault: "real: etcd killed",
    lasts: "15 seconds",
    begin: use(({ etcd }) => Effect.andThen(etcd.signal("SIGKILL"), etcd.ended)),
    end: use(({ answers, etcd }) => Effect.andThen(etcd.start, answers))
  },
  {
    fault: "real: API server killed with open watches",
    lasts: "5 seconds",
    begin: use(({ server }) => Effect.andThen(server.signal("SIGKILL"), server.ended)),
    end: use(restarted)
  },
  {
    fault: "real: API server stopped by SIGTERM with open watches",
    lasts: "70 seconds",
    begin: use(({ server }) => server.signal("SIGTERM")),
    end: use((cluster) => Effect.andThen(cluster.server.ended, restarted(cluster)))
  },
  {
    fault: "real: API server frozen by SIGSTOP, its connections open",
    lasts: "20 seconds",
    begin: use(({ server }) => server.signal("SIGSTOP")),
    end: use(({ server }) => server.signal("SIGCONT"))
  },
  {
    fault: "real: history compacted, then the API server restarted",
    lasts: "5 seconds",
    begin: use(({ compact, server }) =>
      Effect.andThen(Effect.andThen(compact, server.signal("SIGKILL")), server.ended)
    ),
    end: use(restarted)
  },
  {
    fault: "real: rights withdrawn and returned",
    lasts: "8 seconds",
    begin: use(({ withdraw }) => withdraw),
    end: use(({ grant }) => grant)
  },
  {
    fault: "real: the executor started while etcd is frozen",
    lasts: "20 seconds",
    isStart: true,
    begin: (subject) =>
      Effect.andThen(
        Effect.andThen(
          subject.kill,
          RealCluster.use(({ etcd }) => etcd.signal("SIGSTOP"))
        ),
        subject.start
      ),
    end: use(({ etcd }) => etcd.signal("SIGCONT")),
    // Nothing is listed yet (lifecycle.md section 18 item 1).
    resumesWithin: "10 seconds"
  }
]

/** What is done to an etcd of three members. */
export const quorumFaults: ReadonlyArray<Scenario<RealCluster>> = [
  {
    fault: "real: etcd without quorum, two of three members frozen by SIGSTOP",
    lasts: "30 seconds",
    begin: use((cluster) => Effect.forEach(majority(cluster), (member) => member.signal("SIGSTOP"))),
    end: use((cluster) =>
      Effect.andThen(
        Effect.forEach(majority(cluster), (member) => member.signal("SIGCONT")),
        cluster.answers
      )
    )
  },
  {
    fault: "real: etcd without quorum, two of three members killed",
    lasts: "30 seconds",
    begin: use((cluster) =>
      Effect.forEach(majority(cluster), (member) => Effect.andThen(member.signal("SIGKILL"), member.ended))
    ),
    end: use((cluster) =>
      Effect.andThen(
        Effect.forEach(majority(cluster), (member) => member.start),
        cluster.answers
      )
    )
  }
]
