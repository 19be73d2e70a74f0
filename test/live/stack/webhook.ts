import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One alert as Alertmanager sends it. */
export interface SentAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One notification: the alerts of a group together. */
export interface Notification {
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly alerts: readonly SentAlert[];
}

export interface Webhook {
  readonly url: string;
  readonly notifications: readonly Notification[];
  /** Everything received, oldest first. */
  readonly sent: readonly SentAlert[];
  close(): Promise<void>;
}

/** Receives and keeps what Alertmanager sends. */
export async function startWebhook(): Promise<Webhook> {
  const sent: SentAlert[] = [];
  const notifications: Notification[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    request.on('end', () => {
      const notification = JSON.parse(text) as Notification;
      notifications.push(notification);
      sent.push(...notification.alerts);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    notifications,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
