/* Chat templates. This version knows Gemma-style turns, recognised from the published template text
 * (chat_template.jinja, else tokenizer_config.json):
 *
 *   <bos><start_of_turn>user\nCONTENT<end_of_turn>\n<start_of_turn>model\nCONTENT<end_of_turn>\n …
 *
 * with the template's own rules: contents are trimmed, "assistant" is written "model", roles alternate beginning
 * with the user, system messages are refused with the template's words. */
#pragma once

#include "tokenizer.h"

typedef struct {
  char *role;     /* "user", "assistant" (or "model"), "system" */
  char *content;
} CsMessage;

typedef struct CsChatTemplate CsChatTemplate;

/* Errors: no template in the folder (CS_ERROR_IO: a base model; use its chat sibling's), or one of another kind. */
CsChatTemplate *cs_chat_template_open (const char *folder, GError **error);
void            cs_chat_template_free (CsChatTemplate *chat);
/* The published text of that template: what a program that writes a chat model's folder puts there. */
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
  char   *text;             /* as the template renders it, BOS included where the template writes it */
  GArray *ids;              /* int32_t: text encoded without the post-processor; BOS is never doubled */
  GArray *spans;            /* CsTokenSpan into text */
  GArray *kinds;            /* uint8_t CsTokenKind, one a token */
  GArray *turns;            /* int32_t, one a token: the index of the message that the token, or the template's
                             * text around it, belongs to; −1 for text of no message (BOS, a system prompt of the
                             * template's own), the number of messages for the generation prompt */
} CsRendering;

/* contents: messages' contents, borrowed. The error is the template's own sentence where it refuses. */
CsRendering *cs_chat_render (const CsChatTemplate *chat, const CsTokenizer *tokenizer, const CsMessage *messages,
                             size_t n_messages, bool add_generation_prompt, GError **error);
void         cs_rendering_free (CsRendering *rendering);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsChatTemplate, cs_chat_template_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsRendering, cs_rendering_free)
