#include <glib/gi18n.h>

#include "feedback.h"
#include "steering-columns.h"
#include "steering-kept.h"
#include "steering-page-private.h"

#define LIVE_DELAY_MS 300

G_DEFINE_FINAL_TYPE (CsSteeringPage, cs_steering_page, CS_TYPE_PAGE)

/* --- Generating --- */

static CsSteeringEngine *
get_engine (CsSteeringPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  g_autoptr (CsPairSource) pair = cs_study_pair_source (study);

  if (self->engine != NULL && !cs_steering_engine_is_for (self->engine, pair))
    g_clear_pointer (&self->engine, cs_steering_engine_unref);
  if (self->engine == NULL)
    self->engine = cs_steering_engine_new (pair);
  return self->engine;
}

/* The latent that shades, and its maximum; 0 where none does. */
static double
shading (CsSteeringPage *self, size_t *latent)
{
  const guint selected = gtk_drop_down_get_selected (self->shade);
  g_autoptr (GArray) items = cs_steering_basket_items (self->basket);

  *latent = 0;
  if (selected == 0 || selected == GTK_INVALID_LIST_POSITION || selected > items->len)
    return 0;
  *latent = g_array_index (items, CsSteerItem, selected - 1).latent;
  return g_array_index (items, CsSteerItem, selected - 1).max_act;
}

static const char *
idle_message (CsSteeringPage *self, CsPaneId id)
{
  g_autoptr (GArray) items = cs_steering_basket_items (self->basket);

  if (cs_pane_is_steered (id) && items->len == 0)
    return _("Add a latent to steer this text.");
  return _("Generate to see the text here.");
}

static void
show_pane (CsSteeringPage *self, CsSteeringPane *pane, bool ended)
{
  const CsPaneId id = cs_steering_pane_id (pane);
  g_autoptr (CsSteeringText) text = NULL;
  g_autofree char *written = NULL;
  CsPaneState state;
  size_t latent;
  double max;

  if (self->generation == NULL || !cs_steering_generation_wants (self->generation, id))
    {
      cs_steering_pane_show_message (pane, idle_message (self, id));
      return;
    }
  text = cs_steering_generation_get_text (self->generation, id);
  written = cs_steering_generation_dup_text (self->generation, id, &state);
  max = shading (self, &latent);
  if (text != NULL)
    cs_steering_pane_show_text (pane, text, latent, max);
  else if (ended)
    cs_steering_pane_show_message (pane, _("Stopped before this text was written."));
  else if (state == CS_PANE_WRITING)
    cs_steering_pane_show_writing (pane, written);
  else
    cs_steering_pane_show_message (pane, _("Waiting"));
}

static void
show_prompt_tokens (CsSteeringPage *self)
{
  CsSteeringText *text = cs_steering_pane_text (self->panes[CS_PANE_CHAT_PLAIN]);
  size_t latent;
  double max = shading (self, &latent);

  cs_steering_prompt_show_tokens (self->prompt, text, latent, max);
}

static void
show_texts (CsSteeringPage *self, bool ended)
{
  for (int i = 0; i < CS_N_PANES; i++)
    show_pane (self, self->panes[i], ended);
  show_prompt_tokens (self);
  cs_steering_page_update_keep (self);
}

static void
show_error (CsSteeringPage *self, const char *message)
{
  gtk_label_set_text (self->error, message != NULL ? message : "");
  gtk_widget_set_visible (GTK_WIDGET (self->error), message != NULL);
}

static void
job_changed_cb (CsSteeringPage *self, CsJob *job)
{
  const bool ended = !cs_job_is_active (job);
  CsJobSnapshot snapshot;

  if (self->generation == NULL || job != cs_steering_generation_job (self->generation))
    return;
  show_texts (self, ended);
  if (!ended)
    return;
  cs_job_snapshot (job, &snapshot);
  show_error (self, snapshot.message);
  cs_job_snapshot_clear (&snapshot);
  cs_steering_prompt_set_busy (self->prompt, false);
}

/* The texts are on the page: a row for each of them at the foot of the sidebar would only pile up. */
static void
forget_ended_cb (CsJob *job, GListStore *jobs)
{
  guint position;

  if (!cs_job_is_active (job) && g_list_store_find (jobs, job, &position))
    g_list_store_remove (jobs, position);
}

static void
cancel_generation (CsSteeringPage *self)
{
  g_clear_handle_id (&self->live_source, g_source_remove);
  if (self->generation == NULL)
    return;
  g_signal_handlers_disconnect_by_func (cs_steering_generation_job (self->generation), job_changed_cb, self);
  cs_job_cancel (cs_steering_generation_job (self->generation));
}

static bool
fill_request (CsSteeringPage *self, CsRun *run, CsSteeringRequest *request)
{
  *request = (CsSteeringRequest) { .sampling = CS_SAMPLING_DEFAULT };
  if (!cs_steering_prompt_fill (self->prompt, request))
    return false;
  request->sampling.max_tokens = (size_t) gtk_adjustment_get_value (self->max_tokens);
  request->sampling.temperature = gtk_adjustment_get_value (self->temperature);
  request->sampling.seed = (uint64_t) gtk_adjustment_get_value (self->seed);
  request->layer = cs_study_layer (cs_page_study (CS_PAGE (self)));
  request->run_folder = g_strdup (cs_run_folder (run));
  request->items = cs_steering_basket_items (self->basket);
  request->wanted[CS_PANE_BASE_PLAIN] = request->wanted[CS_PANE_CHAT_PLAIN] = true;
  request->wanted[CS_PANE_CHAT_STEERED] = request->items->len > 0;
  request->wanted[CS_PANE_BASE_STEERED] = request->items->len > 0 && gtk_check_button_get_active (self->base_steered);
  return true;
}

void
cs_steering_page_generate (CsSteeringPage *page)
{
  CsStudy *study = cs_page_study (CS_PAGE (page));
  CsRun *run = cs_steering_page_run (page);
  g_autoptr (CsSteeringGeneration) before = NULL;
  CsSteeringRequest request;
  CsJob *job;

  if (study == NULL || run == NULL || cs_run_latents (run, NULL) == NULL)
    return;
  if (!fill_request (page, run, &request))
    {
      show_error (page, _("Write a prompt first, or take one from the library."));
      return;
    }
  show_error (page, NULL);
  cancel_generation (page);
  before = g_steal_pointer (&page->generation);
  page->generation = cs_steering_generation_new (get_engine (page), &request, before);
  job = cs_steering_generation_job (page->generation);
  g_signal_connect_object (job, "changed", G_CALLBACK (job_changed_cb), page, G_CONNECT_SWAPPED);
  if (G_IS_LIST_STORE (cs_study_jobs (study)))
    g_signal_connect_object (job, "changed", G_CALLBACK (forget_ended_cb), cs_study_jobs (study), 0);
  cs_steering_prompt_set_busy (page->prompt, true);
  cs_study_add_job (study, job, false);
}

void
cs_steering_page_stop (CsSteeringPage *page)
{
  g_clear_handle_id (&page->live_source, g_source_remove);
  if (page->generation != NULL)
    cs_job_cancel (cs_steering_generation_job (page->generation));
}

static gboolean
generate_live (void *data)
{
  CsSteeringPage *self = data;

  self->live_source = 0;
  cs_steering_page_generate (self);
  return G_SOURCE_REMOVE;
}

/* Something that the texts depend on was changed. */
static void
options_changed_cb (CsSteeringPage *self)
{
  g_clear_handle_id (&self->live_source, g_source_remove);
  if (gtk_check_button_get_active (self->live))
    self->live_source = g_timeout_add (LIVE_DELAY_MS, generate_live, self);
}

/* --- Basket and shading --- */

static void
basket_changed_cb (CsSteeringPage *self)
{
  g_autoptr (GArray) items = cs_steering_basket_items (self->basket);
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();
  g_auto (GStrv) list = NULL;
  guint selected = 0;

  g_strv_builder_add (names, _("nothing"));
  for (guint i = 0; i < items->len; i++)
    {
      const size_t latent = g_array_index (items, CsSteerItem, i).latent;
      g_autofree char *title = cs_steering_latent_title (latent, cs_steering_basket_label (self->basket, latent));

      g_strv_builder_add (names, title);
      if (latent == self->shaded || selected == 0)
        selected = i + 1;
    }
  list = g_strv_builder_end (names);
  if (!cs_steering_same_names (G_LIST_MODEL (self->shade_names), list))
    {
      gtk_string_list_splice (self->shade_names, 0, g_list_model_get_n_items (G_LIST_MODEL (self->shade_names)),
                              (const char *const *) list);
      gtk_drop_down_set_selected (self->shade, selected);
      show_texts (self, self->generation == NULL || !cs_job_is_active (cs_steering_generation_job (self->generation)));
    }
  options_changed_cb (self);
}

static void
shade_chosen_cb (CsSteeringPage *self)
{
  size_t latent;

  if (shading (self, &latent) > 0)
    self->shaded = latent;
  if (self->generation != NULL)
    show_texts (self, !cs_job_is_active (cs_steering_generation_job (self->generation)));
}

/* --- Which latents fire here? --- */

static void
ask (CsSteeringPage *self, GtkWidget *from, CsSteeringText *text, guint index, const GdkRectangle *where)
{
  graphene_point_t point = GRAPHENE_POINT_INIT ((float) where->x, (float) where->y), mine = point;
  CsRun *run = cs_steering_page_run (self);
  GdkRectangle rectangle = *where;

  if (text == NULL || run == NULL)
    return;
  if (gtk_widget_compute_point (from, GTK_WIDGET (self), &point, &mine))
    {
      /* A token that is scrolled out of sight is pointed at from the edge. */
      rectangle.x = CLAMP ((int) mine.x, 0, gtk_widget_get_width (GTK_WIDGET (self)));
      rectangle.y = CLAMP ((int) mine.y, 0, MAX (gtk_widget_get_height (GTK_WIDGET (self)) - rectangle.height, 0));
    }
  cs_steering_firing_show (self->firing, get_engine (self), run, cs_study_layer (cs_page_study (CS_PAGE (self))), text, index,
                           &rectangle);
}

static void
pane_token_clicked_cb (CsSteeringPane *pane, guint index, GdkRectangle *where, CsSteeringPage *self)
{
  ask (self, GTK_WIDGET (pane), cs_steering_pane_text (pane), index, where);
}

static void
prompt_token_clicked_cb (CsSteeringPage *self, guint index, GdkRectangle *where)
{
  ask (self, GTK_WIDGET (self->prompt), cs_steering_prompt_text (self->prompt), index, where);
}

static void
firing_add_cb (CsSteeringPage *self, guint latent)
{
  cs_steering_basket_add (self->basket, latent);
}

/* --- Study --- */

static void
labels_changed_cb (CsSteeringPage *self)
{
  cs_steering_basket_update_labels (self->basket);
  basket_changed_cb (self);
}

static void
runs_changed_cb (CsSteeringPage *self)
{
  GListModel *runs = cs_study_runs (cs_page_study (CS_PAGE (self)));

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);

      g_signal_handlers_disconnect_by_func (run, cs_steering_page_update, self);
      g_signal_connect_object (run, "changed", G_CALLBACK (cs_steering_page_update), self, G_CONNECT_SWAPPED);
    }
  cs_steering_page_update (self);
}

static void
forget_study (CsSteeringPage *self, CsStudy *old)
{
  GListModel *runs = cs_study_runs (old);

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);
      g_signal_handlers_disconnect_by_func (run, cs_steering_page_update, self);
    }
  g_signal_handlers_disconnect_by_data (runs, self);
  g_signal_handlers_disconnect_by_data (old, self);
}

/* The models may have been chosen just now: their library comes with them. */
static void
study_data_changed_cb (CsSteeringPage *self)
{
  cs_steering_prompt_set_study (self->prompt, cs_page_study (CS_PAGE (self)));
  cs_steering_page_update (self);
}

static void
cs_steering_page_study_changed (CsPage *page, CsStudy *old)
{
  CsSteeringPage *self = CS_STEERING_PAGE (page);
  CsStudy *study = cs_page_study (page);

  cancel_generation (self);
  g_clear_object (&self->generation);
  g_clear_pointer (&self->engine, cs_steering_engine_unref);
  if (old != NULL)
    forget_study (self, old);
  if (self->stack == NULL)
    return; /* being disposed of */
  cs_steering_prompt_set_busy (self->prompt, false);
  cs_steering_basket_set_run (self->basket, NULL, NULL);
  gtk_drop_down_set_model (self->run_chooser, NULL);
  show_error (self, NULL);
  cs_steering_prompt_set_study (self->prompt, study);
  show_texts (self, true);
  if (study == NULL)
    return;
  g_signal_connect_object (study, "changed", G_CALLBACK (study_data_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (study, "labels-changed", G_CALLBACK (labels_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cs_study_runs (study), "items-changed", G_CALLBACK (runs_changed_cb), self, G_CONNECT_SWAPPED);
  runs_changed_cb (self);
}

void
cs_steering_page_add (CsSteeringPage *page, const char *run_name, size_t latent)
{
  g_autofree char *text = NULL;

  g_return_if_fail (CS_IS_STEERING_PAGE (page) && run_name != NULL);
  cs_steering_page_select_run (page, run_name);
  cs_steering_page_update (page);
  if (cs_steering_page_run (page) != NULL && g_str_equal (cs_run_name (cs_steering_page_run (page)), run_name) &&
      cs_steering_basket_add (page->basket, latent))
    return;
  text = g_strdup_printf (_("Latent %zu of %s cannot be steered: analyse the run first."), latent, run_name);
  cs_feedback_toast (GTK_WIDGET (page), text);
}

/* --- Class --- */

static gboolean
generate_shortcut_cb (GtkWidget *widget, GVariant *args, void *data)
{
  if (!gtk_widget_get_mapped (widget))
    return FALSE;
  cs_steering_page_generate (CS_STEERING_PAGE (widget));
  return TRUE;
}

static gboolean
stop_shortcut_cb (GtkWidget *widget, GVariant *args, void *data)
{
  if (!gtk_widget_get_mapped (widget))
    return FALSE;
  cs_steering_page_stop (CS_STEERING_PAGE (widget));
  return TRUE;
}

/* They work wherever the focus is while the page is shown, and before the text view takes Return. */
static void
add_shortcuts (CsSteeringPage *self)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();
  static const struct {
    const char *trigger;
    GtkShortcutFunc func;
  } table[] = { { "<Control>Return|<Control>KP_Enter", generate_shortcut_cb }, { "<Control>period", stop_shortcut_cb } };

  gtk_shortcut_controller_set_scope (GTK_SHORTCUT_CONTROLLER (controller), GTK_SHORTCUT_SCOPE_GLOBAL);
  gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_CAPTURE);
  for (size_t i = 0; i < G_N_ELEMENTS (table); i++)
    gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (controller),
                                          gtk_shortcut_new (gtk_shortcut_trigger_parse_string (table[i].trigger),
                                                            gtk_callback_action_new (table[i].func, NULL, NULL)));
  gtk_widget_add_controller (GTK_WIDGET (self), controller);
}

static void
cs_steering_page_dispose (GObject *object)
{
  CsSteeringPage *self = CS_STEERING_PAGE (object);

  cs_page_set_study (CS_PAGE (self), NULL);
  if (self->firing != NULL)
    gtk_widget_unparent (GTK_WIDGET (self->firing));
  self->firing = NULL;
  self->stack = NULL;
  G_OBJECT_CLASS (cs_steering_page_parent_class)->dispose (object);
}

static void
bind_children (GtkWidgetClass *widget_class)
{
  static const char *const panes[CS_N_PANES] = { "base_plain", "base_steered_pane", "chat_plain", "chat_steered" };

  for (size_t i = 0; i < CS_N_PANES; i++)
    gtk_widget_class_bind_template_child_full (widget_class, panes[i], FALSE,
                                               G_STRUCT_OFFSET (CsSteeringPage, panes) +
                                                 (gssize) (i * sizeof (CsSteeringPane *)));
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, run_chooser);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, stack);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, empty);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, empty_button);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, prompt);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, basket);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, shade);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, shade_names);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, error);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, seed);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, temperature);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, max_tokens);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, base_steered);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, live);
  gtk_widget_class_bind_template_child (widget_class, CsSteeringPage, keep);
}

static void
cs_steering_page_class_init (CsSteeringPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_steering_page_dispose;
  CS_PAGE_CLASS (klass)->study_changed = cs_steering_page_study_changed;
  g_type_ensure (CS_TYPE_STEERING_BASKET);
  g_type_ensure (CS_TYPE_STEERING_COLUMNS);
  g_type_ensure (CS_TYPE_STEERING_KEPT);
  g_type_ensure (CS_TYPE_STEERING_PANE);
  g_type_ensure (CS_TYPE_STEERING_PROMPT);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/steering-page.ui");
  bind_children (widget_class);
  gtk_widget_class_bind_template_callback (widget_class, cs_steering_page_leave_empty);
  gtk_widget_class_bind_template_callback (widget_class, cs_steering_page_update);
  gtk_widget_class_bind_template_callback (widget_class, cs_steering_page_generate);
  gtk_widget_class_bind_template_callback (widget_class, cs_steering_page_stop);
  gtk_widget_class_bind_template_callback (widget_class, cs_steering_page_keep);
  gtk_widget_class_bind_template_callback (widget_class, options_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, basket_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, shade_chosen_cb);
  gtk_widget_class_bind_template_callback (widget_class, pane_token_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, prompt_token_clicked_cb);
}

static void
cs_steering_page_init (CsSteeringPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  for (int i = 0; i < CS_N_PANES; i++)
    cs_steering_pane_set_id (self->panes[i], i);
  self->firing = CS_STEERING_FIRING (cs_steering_firing_new (self->basket));
  gtk_widget_set_parent (GTK_WIDGET (self->firing), GTK_WIDGET (self));
  g_signal_connect_object (self->firing, "add", G_CALLBACK (firing_add_cb), self, G_CONNECT_SWAPPED);
  add_shortcuts (self);
  basket_changed_cb (self);
}
