/* Chat templates: the model's own, run by a small interpreter of Jinja (jinja.h), with its rules and its words. It is
 * chat_template.jinja if the folder has that, else the chat_template of tokenizer_config.json (a string, or the one
 * called "default" of a list of named ones), else that of chat_template.json or additional_chat_templates/. */
#pragma once

#include <jansson.h>

#include "tokenizer.h"

typedef struct {
  char *role;     /* "user", "assistant" (or "model"), "system" … */
  char *content;
} CsMessage;

/* Immutable but for its date; for any thread as long as nobody sets that. */
typedef struct CsChatTemplate CsChatTemplate;

/* Errors: no template in the folder (CS_ERROR_IO: a base model; use its chat sibling's), or one that cannot be read
 * (CS_ERROR_FORMAT with the line). */
CsChatTemplate *cs_chat_template_open (const char *folder, GError **error);
/* folder's own, or that of its sibling where it has none. sibling may be NULL. */
CsChatTemplate *cs_chat_template_open_pair (const char *folder, const char *sibling, GError **error);
/* From its text; name is what errors call it. Special tokens are those of the tokenizer that renders with it. */
CsChatTemplate *cs_chat_template_new (const char *source, size_t size, const char *name, GError **error);
void            cs_chat_template_free (CsChatTemplate *chat);
const char     *cs_chat_template_path (const CsChatTemplate *chat); /* the file, or the name, that it is from */
/* Whether it asks for today's date, so that it renders otherwise tomorrow: pin it where things are to be redone. */
bool            cs_chat_template_asks_date (const CsChatTemplate *chat);
/* "2024-07-26" or "2024-07-26T14:30:00": what the template takes for now. NULL: the clock again, which it is at first.
 * false with CS_ERROR_USAGE for anything else. */
bool            cs_chat_template_set_date (CsChatTemplate *chat, const char *date, GError **error);
/* The published text of Gemma 2's template: what a program that writes a chat model's folder puts there. */
const char     *cs_chat_gemma_template (void);

/* What a token of a rendered conversation is. */
typedef enum {
  CS_TOKEN_CONTENT_USER,
  CS_TOKEN_CONTENT_MODEL,
  CS_TOKEN_BOS,
  CS_TOKEN_START_OF_TURN,
  CS_TOKEN_ROLE,
  CS_TOKEN_NEWLINE,         /* of the template, not of a content */
  CS_TOKEN_END_OF_TURN,
  CS_TOKEN_CONTENT_SYSTEM,
  CS_TOKEN_CONTENT_OTHER,   /* of a message with another role: a tool's answer */
  CS_TOKEN_TEMPLATE,        /* any other text of the template: a default system prompt, a date … */
} CsTokenKind;

#define CS_N_TOKEN_KINDS (CS_TOKEN_TEMPLATE + 1)

/* Whether the template wrote it, not a message. */
static inline bool
cs_token_kind_is_template (CsTokenKind kind)
{
  return kind != CS_TOKEN_CONTENT_USER && kind != CS_TOKEN_CONTENT_MODEL && kind != CS_TOKEN_CONTENT_SYSTEM
         && kind != CS_TOKEN_CONTENT_OTHER;
}

typedef struct {
  char   *text;             /* as the template renders it, BOS included where the template writes it; no U+0000 */
  GArray *ids;              /* int32_t: text encoded without the post-processor; BOS is never doubled */
  GArray *spans;            /* CsTokenSpan into text */
  GArray *kinds;            /* uint8_t CsTokenKind, one a token: that of its first character which is no space */
  GArray *turns;            /* int32_t, one a token: the index of the message that the token, or the template's
                             * text around it, belongs to; −1 for text of no message (BOS, a system prompt of the
                             * template's own), the number of messages for the generation prompt */
} CsRendering;

typedef struct {
  bool        add_generation_prompt;
  const char *date;         /* as of cs_chat_template_set_date(), for this rendering; NULL: that of the template */
  json_t     *variables;    /* an object of further variables (enable_thinking, date_string, tools …), or NULL */
} CsChatOptions;

/* messages: borrowed. The error is the template's own sentence where it refuses (CS_ERROR_USAGE), Jinja's where it goes
 * wrong (CS_ERROR_FORMAT), and one that names the file where it runs into a limit of time, memory, steps or depth
 * (CS_ERROR_UNSUPPORTED). */
CsRendering *cs_chat_render (const CsChatTemplate *chat, const CsTokenizer *tokenizer, const CsMessage *messages,
                             size_t n_messages, bool add_generation_prompt, GError **error);
/* The same for messages with whatever the template knows ("tool_calls", contents in parts): a list of objects.
 * options may be NULL. */
CsRendering *cs_chat_render_json (const CsChatTemplate *chat, const CsTokenizer *tokenizer, json_t *messages,
                                  const CsChatOptions *options, GError **error);
/* "user", "start-of-turn" …: how a kind is called in files. */
const char  *cs_token_kind_name (CsTokenKind kind);
void         cs_rendering_free (CsRendering *rendering);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsChatTemplate, cs_chat_template_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsRendering, cs_rendering_free)
