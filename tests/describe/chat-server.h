/* A chat-completions server on 127.0.0.1, on a thread of its own, that behaves as a test asks. */
#pragma once

#include <glib.h>

typedef enum
{
  CHAT_DESCRIBES,   /* a description, or a list of ones where it is asked for a list */
  CHAT_RAMBLES,     /* a completion that holds neither */
  CHAT_NOT_JSON,
  CHAT_OTHER_JSON,
  CHAT_BROKEN,      /* 500, always */
  CHAT_BUSY_ONCE,   /* 429 with Retry-After, then CHAT_DESCRIBES */
  CHAT_SILENT,      /* takes the request and never answers */
  CHAT_DRIPS,       /* sends a byte now and then and never ends */
  CHAT_HUGE,        /* 5 MiB */
  CHAT_MOVED,       /* a redirection to itself */
  CHAT_REFUSES_KEY,
} ChatMode;

typedef struct ChatServer ChatServer;

ChatServer *chat_server_new (void);
void chat_server_free (ChatServer *server);
const char *chat_server_url (ChatServer *server);
void chat_server_set_mode (ChatServer *server, ChatMode mode); /* forgets the requests */
guint chat_server_n_requests (ChatServer *server);
/* The question of a request (its last message) and its Authorization header; free with g_free(). */
char *chat_server_question (ChatServer *server, guint request);
char *chat_server_authorization (ChatServer *server, guint request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChatServer, chat_server_free)
