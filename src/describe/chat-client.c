#include "chat-client.h"

#include <stdlib.h>
#include <string.h>

#include <libsoup/soup.h>

#include "errors.h"
#include "json.h"

#define MAX_ANSWER ((gsize) 4 << 20)
#define MAX_RETRY_AFTER_MS 30000
#define TICK_MS 50

struct CsChatClient {
  GMainContext *context;
  SoupSession *session;
  GUri *uri;
  char *address;         /* for sentences */
  char *model, *key;
  unsigned timeout_ms, attempts, backoff_ms;
};

/* --- Making --- */

static bool
key_is_header (const char *key)
{
  for (const char *p = key; *p != '\0'; p++)
    if (*p < 0x21 || *p > 0x7e)
      return false;
  return true;
}

static GUri *
parse_address (const char *url, GError **error)
{
  g_autofree char *stripped = g_strstrip (g_strdup (url != NULL ? url : ""));
  g_autofree char *full = NULL;
  g_autoptr (GUri) uri = NULL;

  while (g_str_has_suffix (stripped, "/"))
    stripped[strlen (stripped) - 1] = '\0';
  full = g_strconcat (stripped, "/chat/completions", NULL);
  uri = g_uri_parse (full, SOUP_HTTP_URI_FLAGS, NULL);
  if (uri == NULL || g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0' || g_uri_get_query (uri) != NULL ||
      g_uri_get_fragment (uri) != NULL ||
      (g_strcmp0 (g_uri_get_scheme (uri), "http") != 0 && g_strcmp0 (g_uri_get_scheme (uri), "https") != 0))
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           "The server's address is not one such as http://127.0.0.1:8080/v1: correct it.");
      return NULL;
    }
  if (g_uri_get_userinfo (uri) != NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           "The server's address holds a password: give the key apart from it.");
      return NULL;
    }
  return g_steal_pointer (&uri);
}

CsChatClient *
cs_chat_client_new (const CsChatServer *server, GError **error)
{
  g_autofree char *key = g_strstrip (g_strdup (server->key != NULL ? server->key : ""));
  g_autoptr (GUri) uri = parse_address (server->url, error);
  CsChatClient *client;

  if (uri == NULL)
    return NULL;
  if (server->model == NULL || *server->model == '\0' || !g_utf8_validate (server->model, -1, NULL) || !key_is_header (key))
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           key_is_header (key) ? "The model has no name: give the one that the server knows it by."
                                               : "The key is not one line of letters and signs: correct it.");
      return NULL;
    }
  client = g_new0 (CsChatClient, 1);
  client->context = g_main_context_new ();
  client->uri = g_steal_pointer (&uri);
  client->address = g_uri_to_string (client->uri);
  client->model = g_strdup (server->model);
  client->key = *key != '\0' ? g_steal_pointer (&key) : NULL;
  client->timeout_ms = server->timeout_ms > 0 ? server->timeout_ms : 120000;
  client->attempts = server->attempts > 0 ? server->attempts : 5;
  client->backoff_ms = server->backoff_ms > 0 ? server->backoff_ms : 500;
  g_main_context_push_thread_default (client->context);
  client->session = soup_session_new_with_options ("user-agent", "crosscope", "timeout", 0, NULL);
  g_main_context_pop_thread_default (client->context);
  return client;
}

void
cs_chat_client_free (CsChatClient *client)
{
  if (client == NULL)
    return;
  g_main_context_push_thread_default (client->context);
  soup_session_abort (client->session);
  g_object_unref (client->session);
  while (g_main_context_iteration (client->context, FALSE))
    ;
  g_main_context_pop_thread_default (client->context);
  g_main_context_unref (client->context);
  g_uri_unref (client->uri);
  g_free (client->address);
  g_free (client->model);
  g_free (client->key);
  g_free (client);
}

/* --- One request --- */

typedef struct {
  CsJob *job;
  GCancellable *cancellable;
  gint64 deadline;        /* monotonic, µs */
  bool timed_out, too_large, done;
  GByteArray *body;
  GError *error;          /* of the job's cancelling, or of the transport */
} Exchange;

static void
exchange_clear (Exchange *x)
{
  g_clear_object (&x->cancellable);
  g_clear_pointer (&x->body, g_byte_array_unref);
  g_clear_error (&x->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Exchange, exchange_clear)

/* Looks after the job and the clock while a request is under way; a pause does not count. */
static gboolean
tick_cb (void *data)
{
  Exchange *x = data;
  const gint64 before = g_get_monotonic_time ();
  const bool go_on = x->error != NULL || cs_job_checkpoint (x->job, &x->error);
  const gint64 now = g_get_monotonic_time ();

  if (now - before > G_USEC_PER_SEC / 20)
    x->deadline += now - before;
  x->timed_out = x->timed_out || now > x->deadline;
  if (!go_on || x->timed_out)
    g_cancellable_cancel (x->cancellable);
  return G_SOURCE_CONTINUE;
}

/* Keeps the first error; takes it. */
static void
end_exchange (Exchange *x, GError *error)
{
  if (x->error == NULL)
    x->error = error;
  else
    g_clear_error (&error);
  x->done = true;
}

static void
read_cb (GObject *object, GAsyncResult *result, void *data)
{
  Exchange *x = data;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (object), result, &error);

  if (bytes != NULL && g_bytes_get_size (bytes) > 0)
    g_byte_array_append (x->body, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
  x->too_large = x->body->len > MAX_ANSWER;
  if (bytes == NULL || g_bytes_get_size (bytes) == 0 || x->too_large)
    end_exchange (x, error);
  else
    g_input_stream_read_bytes_async (G_INPUT_STREAM (object), 1 << 16, G_PRIORITY_DEFAULT, x->cancellable, read_cb, x);
}

static void
sent_cb (GObject *object, GAsyncResult *result, void *data)
{
  Exchange *x = data;
  GError *error = NULL;
  g_autoptr (GInputStream) stream = soup_session_send_finish (SOUP_SESSION (object), result, &error);

  if (stream == NULL)
    end_exchange (x, error);
  else
    g_input_stream_read_bytes_async (stream, 1 << 16, G_PRIORITY_DEFAULT, x->cancellable, read_cb, x);
}

static SoupMessage *
message_new (CsChatClient *client, const char *body)
{
  SoupMessage *message = soup_message_new_from_uri ("POST", client->uri);
  g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));
  g_autofree char *bearer = client->key != NULL ? g_strconcat ("Bearer ", client->key, NULL) : NULL;

  soup_message_set_request_body_from_bytes (message, "application/json", bytes);
  soup_message_headers_replace (soup_message_get_request_headers (message), "Accept", "application/json");
  if (bearer != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", bearer);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  return message;
}

/* Sends the message and reads the whole answer, or sets x->error, x->timed_out or x->too_large. */
static void
exchange (CsChatClient *client, SoupMessage *message, Exchange *x)
{
  g_autoptr (GSource) tick = g_timeout_source_new (TICK_MS);

  x->cancellable = g_cancellable_new ();
  x->body = g_byte_array_new ();
  x->deadline = g_get_monotonic_time () + (gint64) client->timeout_ms * 1000;
  g_main_context_push_thread_default (client->context);
  g_source_set_callback (tick, tick_cb, x, NULL);
  g_source_attach (tick, client->context);
  soup_session_send_async (client->session, message, G_PRIORITY_DEFAULT, x->cancellable, sent_cb, x);
  while (!x->done)
    g_main_context_iteration (client->context, TRUE);
  g_source_destroy (tick);
  g_main_context_pop_thread_default (client->context);
}

/* --- Answers --- */

/* What the server itself says is wrong, cut short and on one line; "" where it says nothing. */
static char *
server_says (const GByteArray *body)
{
  g_autoptr (json_t) value = cs_json_parse ((const char *) body->data, body->len, "The answer", NULL);
  json_t *problem = json_object_get (value, "error");
  const char *text = json_string_value (json_is_object (problem) ? json_object_get (problem, "message") : problem);
  g_autofree char *cut = NULL;

  if (text == NULL || *text == '\0')
    return g_strdup ("");
  cut = g_utf8_substring (text, 0, MIN (g_utf8_strlen (text, -1), 200));
  for (char *p = cut; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      *p = ' ';
  return g_strdup_printf (" (%s)", g_strstrip (cut));
}

static bool
status_error (const CsChatClient *client, unsigned status, const char *reason, const GByteArray *body, GError **error)
{
  g_autofree char *says = server_says (body);

  if (status >= 300 && status < 400)
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s sends elsewhere (%u): give the address that it moved to.", client->address,
                 status);
  else if (status == 401 || status == 403)
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s refuses the key (%u)%s: give the key that the server expects.",
                 client->address, status, says);
  else if (status == 404)
    g_set_error (error, CS_ERROR, CS_ERROR_IO,
                 "%s is not there (404)%s: check the address, which often ends in /v1, and the model's name.", client->address,
                 says);
  else
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s answered %u %s%s: see what the server's own log says.", client->address,
                 status, reason != NULL ? reason : "", says);
  return false;
}

static char *
completion_text (const CsChatClient *client, const GByteArray *body, GError **error)
{
  g_autoptr (json_t) value = cs_json_parse ((const char *) body->data, body->len, client->address, NULL);
  json_t *choice = json_array_get (json_object_get (value, "choices"), 0);
  json_t *message = json_object_get (choice, "message"), *content = json_object_get (message, "content");

  if (json_is_string (content))
    return g_strdup (json_string_value (content));
  if (json_is_object (message) && (content == NULL || json_is_null (content)))
    return g_strdup ("");
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "%s does not answer with a chat completion: check that the server speaks the chat-completions protocol.",
               client->address);
  return NULL;
}

static bool
transport_error (const CsChatClient *client, const Exchange *x, GError **error)
{
  if (g_error_matches (x->error, CS_ERROR, CS_ERROR_CANCELLED))
    g_propagate_error (error, g_error_copy (x->error));
  else if (x->timed_out)
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s did not answer within %.3g s: see whether it is busy, or take a faster model.",
                 client->address, client->timeout_ms / 1000.0);
  else if (x->too_large)
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s answers with more than %u MiB: check that it is a chat-completions server.",
                 client->address, (unsigned) (MAX_ANSWER >> 20));
  else
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be reached (%s): start the server or correct the address.",
                 client->address, x->error->message);
  return false;
}

/* --- Asking --- */

static bool
wait_ms (CsJob *job, unsigned ms, GError **error)
{
  const gint64 end = g_get_monotonic_time () + (gint64) ms * 1000;

  while (g_get_monotonic_time () < end)
    {
      if (!cs_job_checkpoint (job, error))
        return false;
      g_usleep ((gulong) MIN (TICK_MS * 1000, MAX (end - g_get_monotonic_time (), 0)));
    }
  return cs_job_checkpoint (job, error);
}

static unsigned
pause_before (const CsChatClient *client, SoupMessage *message, unsigned attempt)
{
  const char *after = soup_message_headers_get_one (soup_message_get_response_headers (message), "Retry-After");
  const unsigned doubled = client->backoff_ms << MIN (attempt, 6);
  guint64 seconds;

  if (after == NULL || !g_ascii_string_to_unsigned (after, 10, 0, G_MAXUINT32, &seconds, NULL))
    return MIN (doubled, MAX_RETRY_AFTER_MS);
  return (unsigned) MIN (MAX (seconds * 1000, 1), MAX_RETRY_AFTER_MS);
}

/* Whether another attempt may do better. */
static bool
may_pass (const Exchange *x, unsigned status)
{
  if (x->timed_out || x->too_large || g_error_matches (x->error, CS_ERROR, CS_ERROR_CANCELLED))
    return false;
  if (x->error != NULL)
    return !g_error_matches (x->error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) && x->error->domain == G_IO_ERROR;
  return status == 429 || status >= 500;
}

static char *
post (CsChatClient *client, CsJob *job, const char *body, GError **error)
{
  for (unsigned attempt = 0;; attempt++)
    {
      g_autoptr (SoupMessage) message = message_new (client, body);
      g_auto (Exchange) x = { .job = job };
      unsigned status;

      exchange (client, message, &x);
      status = soup_message_get_status (message);
      if (may_pass (&x, status) && attempt + 1 < client->attempts)
        {
          if (!wait_ms (job, pause_before (client, message, attempt), error))
            return NULL;
          continue;
        }
      if (x.error != NULL || x.timed_out || x.too_large)
        {
          transport_error (client, &x, error);
          return NULL;
        }
      if (status == 200)
        return completion_text (client, x.body, error);
      status_error (client, status, soup_message_get_reason_phrase (message), x.body, error);
      return NULL;
    }
}

char *
cs_chat_client_ask (CsChatClient *client, CsJob *job, const char *system, const char *user, double temperature,
                    size_t max_tokens, GError **error)
{
  g_autoptr (json_t) request =
    json_pack ("{s:s, s:[{s:s, s:s}, {s:s, s:s}], s:f, s:I, s:b}", "model", client->model, "messages", "role", "system",
               "content", system, "role", "user", "content", user, "temperature", temperature, "max_tokens",
               (json_int_t) max_tokens, "stream", 0);
  char *body = json_dumps (request, JSON_COMPACT), *answer;

  g_return_val_if_fail (body != NULL, NULL);
  answer = post (client, job, body, error);
  free (body);
  return answer;
}
