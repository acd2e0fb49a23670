/* What the models are asked: the text, how each model reads it, the library, and the tokens that the chat model reads. */
#pragma once

#include "steering-generation.h"
#include "study.h"

#include <adwaita.h>

/* How a prompt is given to the models. */
typedef enum {
  CS_PROMPT_CHAT,        /* a turn of the chat template for both */
  CS_PROMPT_BASE_RAW,    /* the same, but the base model continues raw text */
  CS_PROMPT_RAW,         /* raw text for both */
} CsPromptFormat;

#define CS_TYPE_STEERING_PROMPT (cs_steering_prompt_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringPrompt, cs_steering_prompt, CS, STEERING_PROMPT, GtkBox)

/* Signals: "generate", "stop", "changed", "token-clicked" (as in CsSteeringPane, of the shown text). */

/* Reads the libraries of a study (NULL: none) and, where no prompt is written, takes one from them. */
void            cs_steering_prompt_set_study (CsSteeringPrompt *prompt, CsStudy *study);
void            cs_steering_prompt_set_text (CsSteeringPrompt *prompt, const char *text);
char           *cs_steering_prompt_dup_text (CsSteeringPrompt *prompt);
void            cs_steering_prompt_set_format (CsSteeringPrompt *prompt, CsPromptFormat format);
/* Fills prompt and chat; false where nothing is written. */
bool            cs_steering_prompt_fill (CsSteeringPrompt *prompt, CsSteeringRequest *request);
/* The button says Stop. */
void            cs_steering_prompt_set_busy (CsSteeringPrompt *prompt, bool busy);
/* Tokens of text's prompt, shaded like a pane; NULL hides them. */
void            cs_steering_prompt_show_tokens (CsSteeringPrompt *prompt, CsSteeringText *text, size_t latent, double max);
CsSteeringText *cs_steering_prompt_text (CsSteeringPrompt *prompt);
/* The libraries' prompts, the user's last; owned by the widget. */
GPtrArray      *cs_steering_prompt_library (CsSteeringPrompt *prompt);
