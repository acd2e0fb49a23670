#include "steering-prompt.h"

#include <glib/gi18n.h>

#include "feedback.h"
#include "prompts.h"
#include "steering-library.h"
#include "steering-tokens.h"

struct _CsSteeringPrompt {
  GtkBox parent;
  char *user_path;        /* STUDY/prompts.json; NULL without a study */
  GPtrArray *prompts;     /* CsPrompt of all libraries */
  CsSteeringText *shown;  /* whose prompt tokens are shown */
  bool busy;
  GtkTextBuffer *buffer;
  GtkTextView *view;
  GtkDropDown *format;
  GtkMenuButton *library_button;
  CsSteeringLibrary *library;
  GtkWidget *save_button;
  GtkButton *generate_button;
  GtkWidget *tokens_box;
  CsSteeringTokens *tokens;
};

G_DEFINE_FINAL_TYPE (CsSteeringPrompt, cs_steering_prompt, GTK_TYPE_BOX)

enum { SIGNAL_GENERATE, SIGNAL_STOP, SIGNAL_CHANGED, SIGNAL_TOKEN_CLICKED, N_SIGNALS };
static guint signals[N_SIGNALS];

char *
cs_steering_prompt_dup_text (CsSteeringPrompt *prompt)
{
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (prompt->buffer, &start, &end);
  return gtk_text_buffer_get_text (prompt->buffer, &start, &end, FALSE);
}

void
cs_steering_prompt_set_text (CsSteeringPrompt *prompt, const char *text)
{
  gtk_text_buffer_set_text (prompt->buffer, text, -1);
}

void
cs_steering_prompt_set_format (CsSteeringPrompt *prompt, CsPromptFormat format)
{
  gtk_drop_down_set_selected (prompt->format, format);
}

/* --- The library --- */

GPtrArray *
cs_steering_prompt_library (CsSteeringPrompt *prompt)
{
  return prompt->prompts;
}

static void
append_library (GPtrArray *all, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) some = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return;
  some = cs_prompts_load (path, &error);
  if (some == NULL)
    {
      g_message ("%s", error->message);
      return;
    }
  g_ptr_array_extend_and_steal (all, g_steal_pointer (&some));
}

static void
load_libraries (CsSteeringPrompt *self, CsStudy *study)
{
  const char *chat = cs_study_model_folder (study, 1);
  g_autofree char *organism = chat != NULL ? g_path_get_dirname (chat) : NULL;
  g_autofree char *shipped = organism != NULL ? g_build_filename (organism, "prompts.json", NULL) : NULL;
  GPtrArray *all = g_ptr_array_new_with_free_func (cs_prompt_free);

  if (shipped != NULL)
    append_library (all, shipped);
  append_library (all, self->user_path);
  g_clear_pointer (&self->prompts, g_ptr_array_unref);
  self->prompts = all;
  cs_steering_library_set_prompts (self->library, all);
}

static const CsPrompt *
find_prompt (CsSteeringPrompt *self, const char *text)
{
  for (guint i = 0; self->prompts != NULL && i < self->prompts->len; i++)
    {
      const CsPrompt *prompt = g_ptr_array_index (self->prompts, i);

      if (g_str_equal (prompt->text, text))
        return prompt;
    }
  return NULL;
}

static void
choose (CsSteeringPrompt *self, const CsPrompt *prompt)
{
  const bool raw = gtk_drop_down_get_selected (self->format) == CS_PROMPT_RAW;

  cs_steering_prompt_set_text (self, raw && prompt->web != NULL ? prompt->web : prompt->text);
}

/* Something to look at: a request that the demo's chat model refuses, else the first prompt. */
static void
prefill (CsSteeringPrompt *self)
{
  const CsPrompt *chosen = NULL;

  for (guint i = 0; i < self->prompts->len; i++)
    {
      const CsPrompt *prompt = g_ptr_array_index (self->prompts, i);

      if (chosen == NULL)
        chosen = prompt;
      if (!g_str_has_prefix (prompt->group, "refuse") || prompt->web == NULL)
        continue;
      chosen = prompt;
      break;
    }
  if (chosen == NULL)
    return;
  cs_steering_prompt_set_format (self, chosen->web != NULL ? CS_PROMPT_BASE_RAW : CS_PROMPT_CHAT);
  choose (self, chosen);
}

void
cs_steering_prompt_set_study (CsSteeringPrompt *prompt, CsStudy *study)
{
  g_autofree char *text = cs_steering_prompt_dup_text (prompt);

  g_clear_pointer (&prompt->user_path, g_free);
  if (study == NULL)
    {
      cs_steering_library_set_prompts (prompt->library, NULL);
      g_clear_pointer (&prompt->prompts, g_ptr_array_unref);
      cs_steering_prompt_show_tokens (prompt, NULL, 0, 0);
      cs_steering_prompt_set_text (prompt, "");
      return;
    }
  prompt->user_path = g_build_filename (cs_study_folder (study), "prompts.json", NULL);
  load_libraries (prompt, study);
  if (text[0] == '\0')
    prefill (prompt);
}

static void
prompt_chosen_cb (CsSteeringPrompt *self, const CsPrompt *prompt)
{
  choose (self, prompt);
}

static void
save_clicked_cb (CsSteeringPrompt *self)
{
  g_autofree char *text = cs_steering_prompt_dup_text (self);
  g_autoptr (GError) error = NULL;

  if (self->user_path == NULL || text[0] == '\0')
    return;
  if (!cs_prompts_add (self->user_path, _("Mine"), text, &error))
    {
      cs_feedback_error (GTK_WIDGET (self), &error);
      return;
    }
  if (find_prompt (self, text) == NULL)
    {
      g_ptr_array_add (self->prompts, cs_prompt_new (_("Mine"), text, NULL));
      cs_steering_library_set_prompts (self->library, self->prompts);
    }
  cs_feedback_toast (GTK_WIDGET (self), _("Prompt added to the library"));
}

/* --- Reading and showing --- */

bool
cs_steering_prompt_fill (CsSteeringPrompt *prompt, CsSteeringRequest *request)
{
  g_autofree char *text = cs_steering_prompt_dup_text (prompt);
  const CsPromptFormat format = (CsPromptFormat) gtk_drop_down_get_selected (prompt->format);
  const CsPrompt *known = find_prompt (prompt, text);

  if (text[0] == '\0')
    return false;
  request->chat[0] = format == CS_PROMPT_CHAT;
  request->chat[1] = format != CS_PROMPT_RAW;
  request->prompt[0] = g_strdup (format == CS_PROMPT_BASE_RAW && known != NULL && known->web != NULL ? known->web : text);
  request->prompt[1] = g_strdup (text);
  return true;
}

void
cs_steering_prompt_set_busy (CsSteeringPrompt *prompt, bool busy)
{
  prompt->busy = busy;
  gtk_button_set_label (prompt->generate_button, busy ? _("_Stop") : _("_Generate"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (prompt->generate_button), busy ? _("Stop (Ctrl+.)") : _("Generate (Ctrl+Enter)"));
  if (busy)
    gtk_widget_remove_css_class (GTK_WIDGET (prompt->generate_button), "suggested-action");
  else
    gtk_widget_add_css_class (GTK_WIDGET (prompt->generate_button), "suggested-action");
}

void
cs_steering_prompt_show_tokens (CsSteeringPrompt *prompt, CsSteeringText *text, size_t latent, double max)
{
  if (text != prompt->shown)
    {
      g_clear_pointer (&prompt->shown, cs_steering_text_unref);
      prompt->shown = text != NULL ? cs_steering_text_ref (text) : NULL;
      if (text != NULL)
        cs_steering_tokens_set (prompt->tokens, text, 0, text->n_prompt);
    }
  if (text != NULL)
    cs_steering_tokens_shade (prompt->tokens, text, latent, max);
  gtk_widget_set_visible (prompt->tokens_box, text != NULL);
}

CsSteeringText *
cs_steering_prompt_text (CsSteeringPrompt *prompt)
{
  return prompt->shown;
}

static void
generate_clicked_cb (CsSteeringPrompt *self)
{
  g_signal_emit (self, signals[self->busy ? SIGNAL_STOP : SIGNAL_GENERATE], 0);
}

static void
changed_cb (CsSteeringPrompt *self)
{
  const bool empty = gtk_text_buffer_get_char_count (self->buffer) == 0;

  gtk_widget_set_sensitive (self->save_button, !empty);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
token_clicked_cb (CsSteeringPrompt *self, guint index, const GdkRectangle *where)
{
  graphene_point_t from = GRAPHENE_POINT_INIT ((float) where->x, (float) where->y), to = from;
  GdkRectangle mine = *where;

  if (gtk_widget_compute_point (GTK_WIDGET (self->tokens), GTK_WIDGET (self), &from, &to))
    {
      mine.x = (int) to.x;
      mine.y = (int) to.y;
    }
  g_signal_emit (self, signals[SIGNAL_TOKEN_CLICKED], 0, index, &mine);
}

/* --- Class --- */

static void
cs_steering_prompt_finalize (GObject *object)
{
  CsSteeringPrompt *self = CS_STEERING_PROMPT (object);

  g_free (self->user_path);
  g_clear_pointer (&self->prompts, g_ptr_array_unref);
  g_clear_pointer (&self->shown, cs_steering_text_unref);
  G_OBJECT_CLASS (cs_steering_prompt_parent_class)->finalize (object);
}

static guint
new_signal (GObjectClass *klass, const char *name)
{
  return g_signal_new (name, G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
cs_steering_prompt_class_init (CsSteeringPromptClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = cs_steering_prompt_finalize;
  g_type_ensure (CS_TYPE_STEERING_LIBRARY);
  g_type_ensure (CS_TYPE_STEERING_TOKENS);
  signals[SIGNAL_GENERATE] = new_signal (G_OBJECT_CLASS (klass), "generate");
  signals[SIGNAL_STOP] = new_signal (G_OBJECT_CLASS (klass), "stop");
  signals[SIGNAL_CHANGED] = new_signal (G_OBJECT_CLASS (klass), "changed");
  signals[SIGNAL_TOKEN_CLICKED] = g_signal_new ("token-clicked", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                                NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT, GDK_TYPE_RECTANGLE);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/steering-prompt.ui");
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, buffer);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, view);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, format);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, library_button);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, library);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, save_button);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, generate_button);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, tokens_box);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPrompt, tokens);
  gtk_widget_class_bind_template_callback (widget_class, prompt_chosen_cb);
  gtk_widget_class_bind_template_callback (widget_class, save_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, generate_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, token_clicked_cb);
}

static void
cs_steering_prompt_init (CsSteeringPrompt *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  cs_steering_prompt_set_busy (self, false);
}
