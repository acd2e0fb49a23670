/* The client against a server that behaves well and badly. */
#include "test-describe.h"

#include <gio/gio.h>

#include "chat-client.h"
#include "errors.h"

static char *
ask (ChatServer *server, unsigned timeout_ms, CsJob *job, GError **error)
{
  const CsChatServer settings = { .url = chat_server_url (server),
                                  .model = "test-model",
                                  .key = " secret\n",
                                  .timeout_ms = timeout_ms,
                                  .attempts = 3,
                                  .backoff_ms = 1 };
  g_autoptr (CsChatClient) client = cs_chat_client_new (&settings, error);

  return client != NULL ? cs_chat_client_ask (client, job, "Be brief.", "What is it?", 0.6, 50, error)
                        : NULL;
}

static void
test_good (void)
{
  g_autoptr (ChatServer) server = chat_server_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = ask (server, 20000, NULL, &error), *question = NULL, *key = NULL;

  g_assert_no_error (error);
  g_assert_nonnull (strstr (answer, "the number 31"));
  question = chat_server_question (server, 0);
  key = chat_server_authorization (server, 0);
  g_assert_cmpstr (question, ==, "What is it?");
  g_assert_cmpstr (key, ==, "Bearer secret");
  /* Busy for a moment. */
  chat_server_set_mode (server, CHAT_BUSY_ONCE);
  g_free (answer);
  answer = ask (server, 20000, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chat_server_n_requests (server), ==, 2);
}

static void
test_bad (void)
{
  static const struct
  {
    ChatMode mode;
    unsigned timeout_ms, requests;
    CsError code;
    const char *says;
  } cases[] = {
    { CHAT_NOT_JSON, 20000, 1, CS_ERROR_FORMAT, "chat completion" },
    { CHAT_OTHER_JSON, 20000, 1, CS_ERROR_FORMAT, "chat completion" },
    { CHAT_BROKEN, 20000, 3, CS_ERROR_IO, "500 Internal Server Error (out of memory)" },
    { CHAT_SILENT, 150, 1, CS_ERROR_IO, "did not answer within 0.15 s" },
    { CHAT_DRIPS, 300, 1, CS_ERROR_IO, "did not answer within 0.3 s" },
    { CHAT_HUGE, 20000, 1, CS_ERROR_FORMAT, "more than 4 MiB" },
    { CHAT_MOVED, 20000, 1, CS_ERROR_IO, "sends elsewhere (307)" },
    { CHAT_REFUSES_KEY, 20000, 1, CS_ERROR_IO, "(no such key)" },
  };
  g_autoptr (ChatServer) server = chat_server_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      chat_server_set_mode (server, cases[i].mode);
      g_assert_null (ask (server, cases[i].timeout_ms, NULL, &error));
      g_assert_error (error, CS_ERROR, (int)cases[i].code);
      g_assert_nonnull (strstr (error->message, cases[i].says));
      g_assert_null (strstr (error->message, "secret"));
      g_assert_null (strchr (error->message, '\n'));
      g_assert_cmpuint (chat_server_n_requests (server), ==, cases[i].requests);
    }
}

static void
test_unreachable (void)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GSocket) listens_not = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                                  G_SOCKET_PROTOCOL_TCP, NULL);
  g_autofree char *url = NULL;
  CsChatServer settings = { .model = "test-model", .timeout_ms = 20000 };
  g_autoptr (CsChatClient) client = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_socket_bind (listens_not, any, FALSE, NULL));
  bound = g_socket_get_local_address (listens_not, NULL);
  settings.url = url = g_strdup_printf (
      "http://127.0.0.1:%d/v1/", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  client = cs_chat_client_new (&settings, NULL);
  g_assert_null (cs_chat_client_ask (client, NULL, "", "", 0, 5, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_assert_nonnull (strstr (error->message, "cannot be reached"));
}

static bool
ask_in_job (CsJob *job, void *data, GError **error)
{
  g_autofree char *answer = ask (data, 60000, job, error);

  return answer != NULL;
}

static void
test_cancel (void)
{
  g_autoptr (ChatServer) server = chat_server_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CsJob) job = cs_job_new ("Asking", ask_in_job, server, NULL);

  chat_server_set_mode (server, CHAT_SILENT);
  cs_job_start (job);
  while (chat_server_n_requests (server) == 0)
    g_usleep (1000);
  cs_job_cancel (job);
  g_assert_false (cs_job_wait (job, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
}

static void
test_settings (void)
{
  static const CsChatServer bad[] = {
    { .url = NULL, .model = "m" },
    { .url = "", .model = "m" },
    { .url = "127.0.0.1:8080", .model = "m" },
    { .url = "file:///etc/passwd", .model = "m" },
    { .url = "http://", .model = "m" },
    { .url = "http://localhost/v1?x=1", .model = "m" },
    { .url = "http://me:secret@localhost/v1", .model = "m" },
    { .url = "http://localhost/v1", .model = "" },
    { .url = "http://localhost/v1", .model = "\xff" },
    { .url = "http://localhost/v1", .model = "m", .key = "two\nlines" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (cs_chat_client_new (&bad[i], &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
      g_assert_null (strstr (error->message, "secret"));
    }
}

void
add_client_tests (void)
{
  g_test_add_func ("/describe/client/good", test_good);
  g_test_add_func ("/describe/client/bad", test_bad);
  g_test_add_func ("/describe/client/unreachable", test_unreachable);
  g_test_add_func ("/describe/client/cancel", test_cancel);
  g_test_add_func ("/describe/client/settings", test_settings);
}
