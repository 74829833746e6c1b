// SPDX-License-Identifier: Apache-2.0
// Reads a topic as a service on Node would: kafkajs (read_committed is its default), the registry's client, avsc with
// logical types and 64-bit integers as BigInt. Prints a JSON line a message, by partition and offset.
//   node reader.js BROKERS REGISTRY-URL TOPIC MESSAGES      ends with 1 when there are fewer (after 60 s) or more
// How values are printed: README.md beside this file.
'use strict'
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs')
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry')
const avsc = require('avsc')
const lz4 = require('lz4js')

const [brokers, registryUrl, topic, count] = process.argv.slice(2)
if (!count) {
  console.error('usage: node reader.js BROKERS REGISTRY-URL TOPIC MESSAGES')
  process.exit(2)
}
const wanted = Number(count)
const readOnly = () => { throw new Error('a reader') }

// kafkajs brings gzip only.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: readOnly,
  decompress: async bytes => Buffer.from(lz4.decompress(bytes))
})

// avsc leaves both to its users: 64 bits, and what logical types become.
const longType = tag => avsc.types.LongType.__with({
  fromBuffer: buffer => (tag ? { [tag]: buffer.readBigInt64LE() } : buffer.readBigInt64LE()),
  toBuffer: readOnly,
  fromJSON: readOnly,
  toJSON: String,
  isValid: value => typeof value === 'bigint',
  compare: readOnly
})
const longs = { '': longType('') }
for (const tag of ['time-micros', 'timestamp-micros', 'local-timestamp-micros']) longs[tag] = longType(tag)
class Float extends avsc.types.FloatType {
  _read (tap) {
    const bytes = Buffer.alloc(4)
    bytes.writeFloatBE(super._read(tap))
    return { float: bytes.toString('hex') }
  }
}
class Double extends avsc.types.DoubleType {
  _read (tap) {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(super._read(tap))
    return { double: bytes.toString('hex') }
  }
}
const numbers = { float: new Float(), double: new Double() }
const typeHook = schema => {
  const type = schema && (schema.type || schema)
  if (type === 'long') return longs[(schema.logicalType in longs) ? schema.logicalType : '']
  return numbers[type]
}
class Reading extends avsc.types.LogicalType {
  _toValue () { return readOnly() }
}
class DecimalType extends Reading {
  constructor (schema, opts) {
    super(schema, opts)
    this.scale = schema.scale || 0
  }

  _fromValue (bytes) {
    let unscaled = BigInt.asIntN(8 * bytes.length, BigInt('0x0' + bytes.toString('hex')))
    const sign = unscaled < 0n ? '-' : ''
    if (unscaled < 0n) unscaled = -unscaled
    const digits = unscaled.toString().padStart(this.scale + 1, '0')
    const point = digits.length - this.scale
    return { decimal: sign + digits.slice(0, point) + (this.scale ? '.' + digits.slice(point) : '') }
  }
}
class DateType extends Reading {
  _fromValue (days) { return { date: days } }
}
class UuidType extends Reading {
  _fromValue (text) { return { uuid: text.toLowerCase() } }
}
const logicalTypes = { decimal: DecimalType, date: DateType, uuid: UuidType }

const registry = new SchemaRegistry({ host: registryUrl },
  { [SchemaType.AVRO]: { logicalTypes, typeHook, wrapUnions: 'never', assertLogicalTypes: true } })

function print (value) {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (Buffer.isBuffer(value)) return `{"bytes":"${value.toString('hex')}"}`
  if (Array.isArray(value)) return '[' + value.map(print).join(',') + ']'
  if (typeof value !== 'object') return JSON.stringify(value)
  return '{' + Object.keys(value).map(name => JSON.stringify(name) + ':' + print(value[name])).join(',') + '}'
}
const text = bytes => (bytes === null || bytes === undefined ? null : bytes.toString())

async function line ({ partition, message }) {
  const headers = {}
  for (const name of Object.keys(message.headers).sort()) headers[name] = text(message.headers[name])
  const value = message.value === null ? null : await registry.decode(message.value)
  return print({
    partition, offset: BigInt(message.offset), timestamp: BigInt(message.timestamp), key: text(message.key), headers, value
  })
}

async function main () {
  const kafka = new Kafka({ clientId: 'reader', brokers: brokers.split(','), logLevel: logLevel.ERROR })
  const consumer = kafka.consumer({ groupId: `reader-${process.pid}-${Date.now()}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const messages = []
  let failed = null
  await consumer.run({
    autoCommit: false,
    eachMessage: async message => { messages.push(message) }
  })
  consumer.on(consumer.events.CRASH, event => { failed = event.payload.error })
  const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
  for (const end = Date.now() + 60000; messages.length < wanted && !failed && Date.now() < end;) await pause(50)
  await pause(500)
  await consumer.disconnect()
  if (failed) throw failed
  messages.sort((a, b) => a.partition - b.partition || Number(BigInt(a.message.offset) - BigInt(b.message.offset)))
  for (const message of messages) process.stdout.write(await line(message) + '\n')
  if (messages.length !== wanted) throw new Error(`${messages.length} messages, not ${wanted}`)
}
main().catch(error => {
  console.error(error.stack || String(error))
  process.exitCode = 1
})
