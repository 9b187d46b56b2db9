// SPDX-License-Identifier: GPL-3.0-or-later
// The openai package against hal0-route serve: openai.mjs URL SLOT-URL SLOT-KEY TOOL-PORT EAR-PORT.
// Prints TAP. What no small model does (tools, speech) is answered here, by servers that stand in
// for slots on TOOL-PORT and EAR-PORT and keep what they were sent.
import { createRequire } from 'node:module';
import { createHash } from 'node:crypto';
import http from 'node:http';

const require = createRequire(process.env.HAL0_OPENAI + '/here.js');
globalThis.File ??= require('node:buffer').File; // node 18
const OpenAI = require('openai').default;
const { toFile } = require('openai');
const [url, slotUrl, slotKey, toolPort, earPort] = process.argv.slice(2);
const said = 'I am asked by a stock client.';

let count = 0, bad = 0;
function ok(good, name, got) {
  console.log(`${good ? 'ok' : 'not ok'} ${++count} - ${name}`);
  if (!good) {
    bad++;
    console.log('# got: ' + JSON.stringify(got));
  }
}
function is(got, want, name) {
  ok(JSON.stringify(got) === JSON.stringify(want), name, got);
}
async function fails(name, promise, check) {
  try {
    const value = await promise;
    ok(false, name, value);
  } catch (e) {
    ok(check(e), name, { name: e.constructor.name, status: e.status, code: e.code, message: e.message });
  }
}
async function until(what, everyMs = 30) {
  for (let i = 0; i * everyMs < 60000; i++) {
    if (await what()) return true;
    await new Promise((r) => setTimeout(r, everyMs));
  }
  return false;
}

// ---- slots that stand in ----
const seen = {};
function standIn(port, answer) {
  return new Promise((resolve) => {
    const server = http.createServer((req, res) => {
      const parts = [];
      req.on('data', (d) => parts.push(d));
      // whoever looks at the port meanwhile is no client of this test
      req.on('end', () => req.method === 'POST' ? answer(req, Buffer.concat(parts), res) : res.writeHead(404).end());
    });
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } };
const choice = (part, finish) => ({ index: 0, ...part, finish_reason: finish });
const servers = await Promise.all([
  standIn(toolPort, (req, body, res) => {
    seen.tool = JSON.parse(body);
    seen.headers = req.headers;
    if (!seen.tool.stream) {
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify({ id: 'c', object: 'chat.completion', model: 'm',
        choices: [choice({ message: { role: 'assistant', content: null, tool_calls: [call] } }, 'tool_calls')] }));
      return;
    }
    res.setHeader('Content-Type', 'text/event-stream');
    const chunk = (delta, finish) => res.write('data: ' + JSON.stringify({ id: 'c', object: 'chat.completion.chunk',
      model: 'm', choices: [choice({ delta }, finish ?? null)] }) + '\n\n');
    chunk({ role: 'assistant', tool_calls: [{ index: 0, ...call, function: { name: 'weather', arguments: '' } }] });
    for (const c of call.function.arguments) chunk({ tool_calls: [{ index: 0, function: { arguments: c } }] });
    chunk({}, 'tool_calls');
    res.end('data: [DONE]\n\n');
  }),
  standIn(earPort, (req, body, res) => {
    if (req.url === '/v1/audio/speech') {
      seen.speech = JSON.parse(body);
      res.setHeader('Content-Type', 'audio/wav');
      res.end(Buffer.alloc(100000, 7));
      return;
    }
    seen.ear = body;
    res.setHeader('Content-Type', 'application/json');
    res.end('{"text":"heard"}');
  }),
]);

const ai = new OpenAI({ baseURL: url + '/v1', apiKey: 'nobody-asks', maxRetries: 0 });
const hi = [{ role: 'user', content: 'hi' }];

// ---- models ----
const ids = [];
for await (const m of ai.models.list()) ids.push(m.id);
ok(['oa-chat', 'hal0/oa-chat', 'oa-embed', 'oa-tool'].every((m) => ids.includes(m)), 'models.list', ids);

// ---- chat ----
let r = await ai.chat.completions.create({ model: 'oa-chat', messages: hi });
is(r.choices[0].message.content, said, 'chat.completions.create');
ok(r.usage.completion_tokens > 0 && r.object === 'chat.completion', 'with usage', r.usage);
const w = await ai.chat.completions.create({ model: 'hal0/oa-chat', messages: hi }).withResponse();
ok(w.request_id, 'and a request id', w.request_id);
let text = '', finish = '', chunks = 0;
const stream = await ai.chat.completions.create({ model: 'gpt-4o', messages: hi, stream: true, stream_options: { include_usage: true } });
let usage = null;
for await (const c of stream) {
  text += c.choices[0]?.delta?.content ?? '';
  finish = c.choices[0]?.finish_reason ?? finish;
  usage = c.usage ?? usage;
  chunks++;
}
is([text, finish], [said, 'stop'], 'stream: true, a model nobody has');
ok(chunks > 2 && usage?.completion_tokens > 0, 'piece by piece, with usage', [chunks, usage]);
text = '';
for await (const c of await ai.completions.create({ model: 'oa-chat', prompt: 'a', max_tokens: 4, stream: true }))
  text += c.choices[0]?.text ?? '';
ok(text.length > 0, 'completions.create', text);
const runner = ai.chat.completions.stream({ model: 'oa-chat', messages: hi });
is((await runner.finalMessage()).content, said, 'chat.completions.stream');
r = await ai.responses.create({ model: 'oa-chat', input: 'hi' });
is(r.output_text, said, 'responses.create');

// ---- tools ----
const tools = [{ type: 'function', function: { name: 'weather', description: 'of a city "now"', strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } } }];
r = await ai.chat.completions.create({ model: 'oa-tool', messages: hi, tools, tool_choice: 'auto', parallel_tool_calls: false });
is(r.choices[0].message.tool_calls, [call], 'tools: the call comes back');
is(seen.tool.tools, tools, 'and they went out as they were');
is([seen.tool.tool_choice, seen.tool.parallel_tool_calls, seen.tool.model], ['auto', false, 'tool-model'], 'with all that belongs to them');
ok(!seen.headers.authorization && !('cookie' in seen.headers), "the client's key stays with the router", seen.headers);
const t = ai.chat.completions.stream({ model: 'oa-tool', messages: [...hi,
  { role: 'assistant', content: null, tool_calls: [call] }, { role: 'tool', tool_call_id: 'call_1', content: '21' }], tools });
is((await t.finalMessage()).tool_calls.map((c) => c.function.arguments), ['{"city":"Paris"}'], 'tools: streamed');
is(seen.tool.messages[2], { role: 'tool', tool_call_id: 'call_1', content: '21' }, 'with their results');

// ---- embeddings ----
r = await ai.embeddings.create({ model: 'oa-embed', input: ['a', 'b'] });
ok(r.data.length === 2 && r.data[0].embedding.length === 64 && r.data[0].embedding.some((x) => x !== 0), 'embeddings.create', r.data?.[0]);
r = await ai.embeddings.create({ model: 'text-embedding-3-small', input: 'a', encoding_format: 'float' });
is(r.data.length, 1, 'by a name nobody has');

// ---- audio ----
const wav = Buffer.alloc(3 << 20);
for (let i = 0; i < wav.length; i += 4) wav.writeUInt32LE((i * 2654435761) >>> 0, i);
r = await ai.audio.transcriptions.create({ file: await toFile(wav, 'speech.wav'), model: 'oa-ear', language: 'en' });
is(r.text, 'heard', 'audio.transcriptions.create: 3 MB');
const at = seen.ear.indexOf(wav.subarray(0, 64));
is(createHash('sha256').update(seen.ear.subarray(at, at + wav.length)).digest('hex'),
  createHash('sha256').update(wav).digest('hex'), 'byte for byte');
ok(seen.ear.includes('name="model"\r\n\r\near-model\r\n') && seen.ear.includes('name="language"\r\n\r\nen\r\n'),
  "with the slot's own model", seen.ear.subarray(0, 200).toString());
const speech = await ai.audio.speech.create({ model: 'oa-tts', voice: 'af_sky', input: 'hello' });
is([Buffer.from(await speech.arrayBuffer()).length, seen.speech.voice], [100000, 'af_sky'], 'audio.speech.create');

// ---- errors ----
await fails('no such slot', ai.chat.completions.create({ model: 'hal0/nobody', messages: hi }),
  (e) => e instanceof OpenAI.NotFoundError && e.code === 'slot.not_found' && e.type === 'invalid_request_error');
await fails('a slot of another type', ai.chat.completions.create({ model: 'oa-embed', messages: hi }),
  (e) => e instanceof OpenAI.NotFoundError && e.code === 'dispatch.no_route');
await fails('what the slot itself refuses', ai.chat.completions.create({ model: 'oa-chat', messages: 'oops' }),
  (e) => e instanceof OpenAI.BadRequestError && /messages/.test(e.message));
await fails('images', ai.images.generate({ model: 'x', prompt: 'a cat' }), (e) => e.status === 404 || e.status === 501);
await fails('a slot that does not come up', ai.chat.completions.create({ model: 'oa-gone', messages: hi }),
  (e) => e instanceof OpenAI.InternalServerError && e.status === 503);

// ---- a slot that is loaded first: the client's own retries are enough ----
r = await new OpenAI({ baseURL: url + '/v1', apiKey: 'x', maxRetries: 5 })
  .chat.completions.create({ model: 'oa-cold', messages: hi });
is(r.choices[0].message.content, 'I was asleep.', 'a cold slot answers');

// ---- abort ----
const busy = async () => (await (await fetch(slotUrl + '/slots', { headers: { Authorization: 'Bearer ' + slotKey } })).json())
  .some((s) => s.is_processing);
const endless = { model: 'oa-chat', prompt: 'a', stream: true, max_tokens: 100000, ignore_eos: true };
const long = await ai.completions.create(endless);
for await (const _ of long) break;
ok(await until(async () => !(await busy())), 'leaving a stream ends it at the slot');
const two = await ai.completions.create(endless);
ok(await until(busy), 'another one is under way');
two.controller.abort();
ok(await until(async () => !(await busy())), 'and ends when it is aborted');
const gone = new AbortController();
const asked = ai.completions.create({ ...endless, stream: false, max_tokens: 20000 }, { signal: gone.signal });
asked.catch(() => {});
ok(await until(busy), 'a request without a first byte is under way');
gone.abort();
await fails('is given up', asked, (e) => e instanceof OpenAI.APIUserAbortError);
// llama-server looks whether anybody still waits for such an answer after a second in which no question
// of anybody's was answered: ours are
ok(await until(async () => !(await busy()), 2500), 'and ends at the slot');

// ---- keys ----
if (process.env.KEY_URL) {
  const keyed = (apiKey) => new OpenAI({ baseURL: process.env.KEY_URL + '/v1', apiKey, maxRetries: 0 });
  await fails('a wrong key', keyed('wrong').models.list(), (e) => e instanceof OpenAI.AuthenticationError);
  is((await keyed('right').chat.completions.create({ model: 'oa-chat', messages: hi })).choices[0].message.content, said, 'the right one');
}
console.log(`1..${count}`);
for (const s of servers) s.closeAllConnections(), s.close();
process.exit(bad ? 1 : 0);
