// A loopback endpoint that speaks EC2's query protocol: it remembers each call and answers what the
// test scripted. It knows no EC2 of its own; the sandbox's front is the bed for behaviour.
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Ec2Call = { action: string; parameters: URLSearchParams; userAgent: string };
export type Ec2Answer = { status?: number; body: string };

export type Ec2Endpoint = {
  calls: Ec2Call[];
  /** By action; asked for each call. */
  answers: Record<string, (call: Ec2Call) => Ec2Answer>;
  url: string;
  close(): Promise<void>;
};

export async function startEc2Endpoint(): Promise<Ec2Endpoint> {
  const server = createServer((request, response) => {
    void read(request).then((text) => {
      const parameters = new URLSearchParams(text);
      const call = {
        action: parameters.get('Action') ?? '',
        parameters,
        userAgent: request.headers['user-agent'] ?? '',
      };
      endpoint.calls.push(call);
      const { status, body } = endpoint.answers[call.action]?.(call) ?? refusal('InvalidAction', call.action);
      response.writeHead(status ?? 200, { 'content-type': 'text/xml' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint: Ec2Endpoint = {
    calls: [],
    answers: {},
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return endpoint;
}

export function answer(action: string, inner: string): Ec2Answer {
  return {
    body: `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${inner}</${action}Response>`,
  };
}

export function refusal(code: string, message: string, status = 400): Ec2Answer {
  return {
    status,
    body: `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>r</RequestID></Response>`,
  };
}

/** Values of `Name.1`, `Name.2`, …; of the first filter for `Filter.1.Value`. */
export function listed(call: Ec2Call, name: string): string[] {
  return [...call.parameters].filter(([key]) => key.startsWith(`${name}.`)).map(([, value]) => value);
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
