#include "chat-server.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <libsoup/soup.h>

typedef struct
{
  char *question, *authorization;
} Request;

struct ChatServer
{
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  SoupServer *soup;
  char *url;
  GMutex mutex; /* of what follows */
  ChatMode mode;
  GArray *requests; /* Request */
};

static void
request_clear (void *data)
{
  g_free (((Request *)data)->question);
  g_free (((Request *)data)->authorization);
}

/* Notes the request; returns how many came before. */
static guint
take_request (ChatServer *server, SoupServerMessage *message, ChatMode *mode, bool *wants_list)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  json_t *value = json_loadb (body->data, (size_t)body->length, 0, NULL);
  json_t *last = json_array_get (json_object_get (value, "messages"), 1);
  const char *question = json_string_value (json_object_get (last, "content"));
  Request request = { g_strdup (question),
                      g_strdup (soup_message_headers_get_one (
                          soup_server_message_get_request_headers (message), "Authorization")) };
  guint before;

  g_assert_nonnull (question);
  g_assert_cmpstr (json_string_value (json_object_get (value, "model")), ==, "test-model");
  *wants_list = strstr (question, "zeros and ones") != NULL;
  g_mutex_lock (&server->mutex);
  *mode = server->mode;
  before = server->requests->len;
  g_array_append_val (server->requests, request);
  g_mutex_unlock (&server->mutex);
  json_decref (value);
  return before;
}

static void
reply (SoupServerMessage *message, guint status, const char *body)
{
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_COPY, body,
                                    strlen (body));
}

static void
reply_text (SoupServerMessage *message, const char *text)
{
  json_t *value =
      json_pack ("{s:[{s:{s:s, s:s}}]}", "choices", "message", "role", "assistant", "content", text);
  char *body = json_dumps (value, 0);

  reply (message, 200, body);
  free (body);
  json_decref (value);
}

static gboolean
drip_cb (void *data)
{
  SoupServerMessage *message = data;

  soup_message_body_append (soup_server_message_get_response_body (message), SOUP_MEMORY_STATIC, " ", 1);
  soup_server_message_unpause (message);
  return G_SOURCE_CONTINUE;
}

static void
stop_drip_cb (SoupServerMessage *message, void *source)
{
  g_source_destroy (source);
}

static void
drip (ChatServer *server, SoupServerMessage *message)
{
  g_autoptr (GSource) source = g_timeout_source_new (20);

  soup_server_message_set_status (message, 200, NULL);
  soup_message_headers_set_encoding (soup_server_message_get_response_headers (message),
                                     SOUP_ENCODING_CHUNKED);
  g_source_set_callback (source, drip_cb, message, NULL);
  g_signal_connect (message, "finished", G_CALLBACK (stop_drip_cb), source);
  g_source_attach (source, server->context);
}

static void
reply_huge (SoupServerMessage *message)
{
  g_autofree char *body = g_malloc (5 << 20);

  memset (body, ' ', (5 << 20) - 1);
  body[(5 << 20) - 1] = '\0';
  reply (message, 200, body);
}

static void
answer (ChatServer *server, SoupServerMessage *message, ChatMode mode, bool wants_list)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  switch (mode)
    {
    case CHAT_RAMBLES:
      reply_text (message, "Let me see.\nThere are many\ntexts here [and] so on.");
      break;
    case CHAT_NOT_JSON:
      reply (message, 200, "<html>welcome</html>");
      break;
    case CHAT_OTHER_JSON:
      reply (message, 200, "{\"choices\": [{\"message\": 3}]}");
      break;
    case CHAT_BROKEN:
      reply (message, 500, "{\"error\": {\"message\": \"out of\\nmemory\"}}");
      break;
    case CHAT_BUSY_ONCE:
      reply (message, 429, "");
      soup_message_headers_replace (headers, "Retry-After", "0");
      break;
    case CHAT_SILENT:
      soup_server_message_pause (message);
      break;
    case CHAT_DRIPS:
      drip (server, message);
      break;
    case CHAT_HUGE:
      reply_huge (message);
      break;
    case CHAT_MOVED:
      soup_server_message_set_redirect (message, 307, "/v1/chat/completions?again");
      break;
    case CHAT_REFUSES_KEY:
      reply (message, 401, "{\"error\": \"no such key\"}");
      break;
    default:
      reply_text (message, wants_list ? "<think>[0]</think>So: [1, 1, 1, 1, 1]"
                                      : "<think>Hm.</think>\n**Description:** “the number 31”\n");
    }
}

static void
handler (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, void *data)
{
  ChatServer *server = data;
  ChatMode mode;
  bool wants_list;
  guint before;

  if (!g_str_equal (soup_server_message_get_method (message), "POST") ||
      !g_str_equal (path, "/v1/chat/completions"))
    {
      soup_server_message_set_status (message, 404, NULL);
      return;
    }
  before = take_request (server, message, &mode, &wants_list);
  answer (server, message, mode == CHAT_BUSY_ONCE && before > 0 ? CHAT_DESCRIBES : mode, wants_list);
}

static void *
serve (void *data)
{
  ChatServer *server = data;

  g_main_context_push_thread_default (server->context);
  g_main_loop_run (server->loop);
  soup_server_disconnect (server->soup);
  g_clear_object (&server->soup);
  while (g_main_context_iteration (server->context, FALSE))
    ;
  g_main_context_pop_thread_default (server->context);
  return NULL;
}

ChatServer *
chat_server_new (void)
{
  ChatServer *server = g_new0 (ChatServer, 1);
  g_autoptr (GError) error = NULL;
  GSList *uris;

  g_mutex_init (&server->mutex);
  server->requests = g_array_new (FALSE, FALSE, sizeof (Request));
  g_array_set_clear_func (server->requests, request_clear);
  server->context = g_main_context_new ();
  server->loop = g_main_loop_new (server->context, FALSE);
  g_main_context_push_thread_default (server->context);
  server->soup = g_object_new (SOUP_TYPE_SERVER, NULL);
  soup_server_add_handler (server->soup, NULL, handler, server, NULL);
  soup_server_listen_local (server->soup, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error);
  g_assert_no_error (error);
  uris = soup_server_get_uris (server->soup);
  server->url = g_strdup_printf ("http://127.0.0.1:%d/v1", g_uri_get_port (uris->data));
  g_slist_free_full (uris, (GDestroyNotify)g_uri_unref);
  g_main_context_pop_thread_default (server->context);
  server->thread = g_thread_new ("chat-server", serve, server);
  return server;
}

void
chat_server_free (ChatServer *server)
{
  g_main_loop_quit (server->loop);
  g_thread_join (server->thread);
  g_main_loop_unref (server->loop);
  g_main_context_unref (server->context);
  g_array_unref (server->requests);
  g_mutex_clear (&server->mutex);
  g_free (server->url);
  g_free (server);
}

const char *
chat_server_url (ChatServer *server)
{
  return server->url;
}

void
chat_server_set_mode (ChatServer *server, ChatMode mode)
{
  g_mutex_lock (&server->mutex);
  server->mode = mode;
  g_array_set_size (server->requests, 0);
  g_mutex_unlock (&server->mutex);
}

guint
chat_server_n_requests (ChatServer *server)
{
  guint n;

  g_mutex_lock (&server->mutex);
  n = server->requests->len;
  g_mutex_unlock (&server->mutex);
  return n;
}

static char *
part_of_request (ChatServer *server, guint request, bool question)
{
  const Request *at;
  char *text;

  g_mutex_lock (&server->mutex);
  g_assert_cmpuint (request, <, server->requests->len);
  at = &g_array_index (server->requests, Request, request);
  text = g_strdup (question ? at->question : at->authorization);
  g_mutex_unlock (&server->mutex);
  return text;
}

char *
chat_server_question (ChatServer *server, guint request)
{
  return part_of_request (server, request, true);
}

char *
chat_server_authorization (ChatServer *server, guint request)
{
  return part_of_request (server, request, false);
}
