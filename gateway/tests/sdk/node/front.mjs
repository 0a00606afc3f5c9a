// OpenAI's SDK for Node, as an application would use it: one scene with one model.
//
// usage: node front.mjs BASE_URL SCENE MODEL
//
// The token is in GATEWAY_TOKEN, the gateway's certificate in NODE_EXTRA_CA_CERTS. Prints as JSON what came of it: `{"result": …}`, or
// `{"error": …}` with the class of what the SDK threw.
import OpenAI, { APIError } from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const [baseURL, scene, model] = process.argv.slice(2);
const { GATEWAY_TOKEN: apiKey, QUESTION, IMAGE } = process.env;
// One call is one request: the SDK's own retries would paper over failures.
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const user = (content) => ({ role: 'user', content });

const Weather = z.object({ city: z.string(), days: z.number() });
const Forecast = z.object({ wind: z.enum(['east', 'west']), degrees: z.number() });

const scenes = {
  async plain() {
    const { choices, usage } = await client.chat.completions.create({ model, messages: [user(QUESTION)] });
    return { text: choices[0].message.content, finish: choices[0].finish_reason, tokens: usage.total_tokens };
  },

  async stream() {
    const stream = await client.chat.completions.create({
      model,
      messages: [user(QUESTION)],
      stream: true,
      stream_options: { include_usage: true },
    });
    const result = { pieces: [], finish: null, tokens: 0 };
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) result.pieces.push(choice.delta.content);
      result.finish ??= choice?.finish_reason ?? null;
      result.tokens = chunk.usage?.total_tokens ?? result.tokens;
    }
    return result;
  },

  // The SDK's own loop: it streams, calls the function, sends the result back, and streams again.
  async tools() {
    const called = [];
    const weather = zodFunction({
      name: 'weather',
      description: 'Tells it.',
      parameters: Weather,
      function: (given) => `sun ${called.push(given) - 1}`,
    });
    const messages = [user('How is the weather in both cities?')];
    const runner = client.chat.completions.runTools({ model, messages, tools: [weather], stream: true });
    return { text: await runner.finalContent(), called };
  },

  async image() {
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: IMAGE } },
    ];
    const { choices } = await client.chat.completions.create({ model, messages: [user(content)] });
    return { text: choices[0].message.content };
  },

  async structured() {
    const response_format = zodResponseFormat(Forecast, 'forecast');
    const { choices } = await client.chat.completions.parse({ model, messages: [user(QUESTION)], response_format });
    return choices[0].message.parsed;
  },

  async embeddings() {
    const { data } = await client.embeddings.create({ model, input: ['a cat', 'a kitten'] });
    return data.map(({ embedding }) => embedding.length);
  },
};

try {
  console.log(JSON.stringify({ result: await scenes[scene]() }));
} catch (error) {
  if (!(error instanceof APIError)) throw error;
  const { name, status, code, param, message } = error;
  console.log(JSON.stringify({ error: { kind: error.constructor.name, name, status, code, param, message } }));
}
