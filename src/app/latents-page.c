#include "latents-page.h"

#include <math.h>
#include <glib/gi18n.h>

#include "feedback.h"
#include "latents-page-private.h"

G_DEFINE_FINAL_TYPE (CsLatentsPage, cs_latents_page, CS_TYPE_PAGE)

/* --- What the page is about: a run in one of several states --- */

static void
set_status_page (CsLatentsPage *self, const char *title, const char *description,
                 const char *button, const char *action)
{
  gtk_stack_set_visible_child_name (self->stack, "status");
  adw_status_page_set_title (self->status, title);
  adw_status_page_set_description (self->status, description);
  gtk_widget_set_visible (GTK_WIDGET (self->status_button), button != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->progress), FALSE);
  if (button != NULL)
    gtk_button_set_label (self->status_button, button);
  self->status_action = action;
}

static void
status_clicked_cb (CsLatentsPage *self)
{
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (self->status_action, "analyse") != 0)
    gtk_widget_activate_action (GTK_WIDGET (self), "win.show-page", "s", self->status_action);
  else if (self->run != NULL &&
           cs_study_analyze (cs_page_study (CS_PAGE (self)), self->run, &error) == NULL)
    cs_feedback_error (GTK_WIDGET (self), &error);
}

static void
show_progress (CsLatentsPage *self, CsJob *job)
{
  CsJobSnapshot s;
  g_autofree char *text = NULL;

  cs_job_snapshot (job, &s);
  set_status_page (self, s.title, s.phase != NULL ? s.phase : _ ("Waiting for its turn"), NULL,
                   NULL);
  text = g_strdup_printf (_ ("%.0f %%"), s.total > 0 ? 100 * s.done / s.total : 0);
  gtk_widget_set_visible (GTK_WIDGET (self->progress), TRUE);
  gtk_progress_bar_set_fraction (self->progress, s.total > 0 ? CLAMP (s.done / s.total, 0, 1) : 0);
  gtk_progress_bar_set_text (self->progress, text);
  cs_job_snapshot_clear (&s);
}

static void
show_not_analysed (CsLatentsPage *self, const char *problem)
{
  CsJob *job = cs_run_job (self->run);
  bool trained = cs_run_is_trained (self->run);
  g_autofree char *escaped = problem != NULL ? g_markup_escape_text (problem, -1) : NULL;

  if (job != NULL && cs_job_is_active (job) && trained)
    show_progress (self, job);
  else if (job != NULL && cs_job_is_active (job))
    set_status_page (self, _ ("Training Is Under Way"),
                     _ ("The latents of this run can be looked at once it is trained."),
                     _ ("Show Training"), "training");
  else if (trained)
    set_status_page (self, _ ("Not Analysed Yet"),
                     escaped != NULL ? escaped
                                     : _ ("The analysis measures every latent: which model it "
                                          "belongs to, whether that is real, and what it reads."),
                     _ ("Analyse"), "analyse");
  else
    set_status_page (self, _ ("Not Trained to Its End"),
                     _ ("The latents of this run can be looked at once it is trained."),
                     _ ("Show Training"), "training");
}

static void
watch_job (CsLatentsPage *self, CsJob *job)
{
  if (self->job == job)
    return;
  if (self->job != NULL)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_set_object (&self->job, job);
  if (job != NULL)
    g_signal_connect_object (job, "changed", G_CALLBACK (cs_latents_page_update), self,
                             G_CONNECT_SWAPPED);
}

static void
show_page_status (CsLatentsPage *self)
{
  g_autofree char *text = cs_feedback_count ((double)cs_latent_list_n_latents (self->list));

  cs_page_set_status (CS_PAGE (self), self->shown_run != NULL ? text : NULL);
}

/* Takes the latents of the run in where they are not those shown already. */
static void
take_latents (CsLatentsPage *self, const CsLatents *latents)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  g_autoptr (CsExampleSource) source = NULL;
  g_autofree char *store = NULL;
  const char *name;

  if (latents == NULL ? self->shown_run == NULL
                      : self->shown_run == self->run && cs_latent_list_holds (self->list, latents))
    return;
  cs_latent_detail_set_run (self->detail, NULL, NULL, NULL, NULL);
  cs_latents_page_forget_history (self);
  cs_latent_prompt_search_set_run (self->prompt_search, study, latents != NULL ? self->run : NULL);
  g_clear_object (&self->shown_run);
  if (latents != NULL)
    self->shown_run = g_object_ref (self->run);
  cs_latent_list_set_latents (self->list, latents);
  cs_latent_header_set_has_latents (self->header, latents != NULL);
  if (latents == NULL)
    return;
  name = cs_run_name (self->run);
  store = cs_study_store_path (study);
  source = cs_example_source_new (cs_run_folder (self->run), store,
                                  cs_study_model_folder (study, 1));
  cs_latents_page_load_labels (self);
  cs_latent_detail_set_run (self->detail, study, name, self->list, source);
  if (g_list_model_get_n_items (G_LIST_MODEL (self->list)) > 0)
    cs_latent_list_select (self->list, (gssize)cs_latent_list_at (self->list, 0));
}

void
cs_latents_page_update (CsLatentsPage *self)
{
  g_autoptr (GError) error = NULL;
  const CsLatents *latents = self->run != NULL ? cs_run_latents (self->run, &error) : NULL;

  watch_job (self, self->run != NULL ? cs_run_job (self->run) : NULL);
  take_latents (self, latents);
  cs_latents_page_update_exchange (self);
  show_page_status (self);
  if (latents != NULL)
    gtk_stack_set_visible_child_name (self->stack, "latents");
  else if (self->run != NULL)
    show_not_analysed (self, error != NULL ? error->message : NULL);
  else
    set_status_page (self, _ ("Train a Crosscoder First"),
                     _ ("Its latents appear here: which are the chat model's own, and are they "
                        "real?"),
                     _ ("Show Training"), "training");
}

/* --- Runs --- */

static void
set_run (CsLatentsPage *self, CsRun *run)
{
  if (self->run != NULL)
    g_signal_handlers_disconnect_by_data (self->run, self);
  g_set_object (&self->run, run);
  if (run != NULL)
    g_signal_connect_object (run, "changed", G_CALLBACK (cs_latents_page_update), self,
                             G_CONNECT_SWAPPED);
  cs_latents_page_update (self);
}

static void
run_changed_cb (CsLatentsPage *self)
{
  CsRun *run = cs_latent_header_run (self->header);

  if (run != self->run)
    set_run (self, run);
}

/* The first run that is analysed, else trained, else any. */
static CsRun *
best_run (GListModel *runs)
{
  guint n = g_list_model_get_n_items (runs);
  CsRun *best = NULL;
  int best_score = -1;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);
      int score = cs_run_latents (run, NULL) != NULL ? 2 : cs_run_is_trained (run) ? 1 : 0;

      if (score > best_score)
        best = run, best_score = score; /* the list keeps it alive */
    }
  return best;
}

static void
cs_latents_page_study_changed (CsPage *page, CsStudy *old)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (page);
  CsStudy *study = cs_page_study (page);
  GListModel *runs = study != NULL ? cs_study_runs (study) : NULL;

  if (self->header == NULL)
    return; /* disposed */
  cs_latent_detail_flush (self->detail);
  if (old != NULL)
    g_signal_handlers_disconnect_by_data (old, self);
  cs_latent_header_set_runs (self->header, runs);
  if (study != NULL)
    g_signal_connect_object (study, "labels-changed", G_CALLBACK (cs_latents_page_load_labels),
                             self, G_CONNECT_SWAPPED);
  if (runs != NULL && best_run (runs) != NULL)
    cs_latent_header_choose (self->header, best_run (runs));
  set_run (self, cs_latent_header_run (self->header));
}

/* --- Filter, brushes, selection --- */

static void
show_count (CsLatentsPage *self)
{
  guint shown = g_list_model_get_n_items (G_LIST_MODEL (self->list));
  size_t all = cs_latent_list_n_latents (self->list);
  g_autofree char *text = g_strdup_printf (_ ("%'u of %'zu latents"), shown, all);

  gtk_label_set_text (self->count, text);
}

static void
chip_clicked_cb (CsLatentsPage *self, GtkButton *chip)
{
  CsLatentBrush brush = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (chip), "brush"));

  cs_latent_list_clear_brush (self->list, brush);
}

static GtkWidget *
chip_new (CsLatentsPage *self, CsLatentBrush brush, const CsLatentInterval *interval)
{
  GtkWidget *chip = gtk_button_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 3);
  const char *name = brush == CS_LATENT_BRUSH_NU_ERROR ? "ν^ε" : cs_latent_brush_name (brush);
  bool density = brush == CS_LATENT_BRUSH_DENSITY;
  g_autofree char *text =
      density ? g_strdup_printf ("%s %.1g – %.1g", name, pow (10, interval->low),
                                 pow (10, interval->high))
              : g_strdup_printf ("%s %.2f – %.2f", name, interval->low, interval->high);
  g_autofree char *tooltip = g_strdup_printf (_ ("Drop the selection on %s"), name);

  gtk_box_append (GTK_BOX (box), gtk_label_new (text));
  gtk_box_append (GTK_BOX (box), gtk_image_new_from_icon_name ("window-close-symbolic"));
  gtk_button_set_child (GTK_BUTTON (chip), box);
  gtk_widget_set_tooltip_text (chip, tooltip);
  gtk_widget_add_css_class (chip, "caption");
  gtk_widget_add_css_class (chip, "small");
  gtk_widget_set_valign (chip, GTK_ALIGN_CENTER);
  g_object_set_data (G_OBJECT (chip), "brush", GUINT_TO_POINTER (brush));
  g_signal_connect_swapped (chip, "clicked", G_CALLBACK (chip_clicked_cb), self);
  return chip;
}

static void
show_chips (CsLatentsPage *self)
{
  const CsLatentFilter *filter = cs_latent_list_filter (self->list);
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->chips))) != NULL)
    gtk_box_remove (self->chips, child);
  for (CsLatentBrush b = 0; b < CS_LATENT_N_BRUSHES; b++)
    if (filter->brush[b].on)
      gtk_box_append (self->chips, chip_new (self, b, &filter->brush[b]));
}

static void
visible_changed_cb (CsLatentsPage *self)
{
  show_count (self);
  show_chips (self);
}

static void
filter_changed_cb (CsLatentsPage *self)
{
  CsLatentFilter filter = *cs_latent_list_filter (self->list);
  g_autofree char *search = g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->search_entry)));

  filter.search = search;
  cs_latent_header_apply (self->header, &filter);
  cs_latent_list_set_filter (self->list, &filter);
}

/* Return in the search field takes the first that was found. */
static void
search_activated_cb (CsLatentsPage *self)
{
  if (g_list_model_get_n_items (G_LIST_MODEL (self->list)) > 0)
    cs_latents_page_select (self, cs_latent_list_at (self->list, 0), true);
}

static void
row_activated_cb (CsLatentsPage *self, guint latent)
{
  cs_latents_page_select (self, latent, false);
}

static void
latent_activated_cb (CsLatentsPage *self, guint latent)
{
  cs_latents_page_select (self, latent, true);
}

static void
selected_changed_cb (CsLatentsPage *self)
{
  gssize latent = cs_latent_list_selected (self->list);

  cs_latent_detail_show (self->detail, latent);
  if (latent >= 0)
    cs_latents_page_remember (self, (size_t)latent);
  cs_latents_page_update_actions (self);
}

void
cs_latents_page_select (CsLatentsPage *self, size_t latent, bool scroll)
{
  if (latent >= cs_latent_list_n_latents (self->list))
    return;
  cs_latent_list_select (self->list, (gssize)latent);
  if (scroll)
    cs_latent_table_scroll_to (self->table, latent);
  if (adw_leaflet_get_folded (self->leaflet))
    adw_leaflet_set_visible_child (self->leaflet, GTK_WIDGET (self->detail));
}

static void
folded_cb (CsLatentsPage *self)
{
  bool folded = adw_leaflet_get_folded (self->leaflet);

  cs_latent_detail_set_narrow (self->detail, folded);
  cs_latent_table_set_single_click (self->table, folded);
}

static gboolean
scroll_later_cb (void *data)
{
  CsLatentsPage *self = data;

  self->scroll_source = 0;
  if (cs_latent_list_selected (self->list) >= 0)
    cs_latent_table_scroll_to (self->table, (size_t)cs_latent_list_selected (self->list));
  return G_SOURCE_REMOVE;
}

void
cs_latents_page_show (CsLatentsPage *page, const char *run_name, size_t latent)
{
  CsStudy *study;
  CsRun *run;

  g_return_if_fail (CS_IS_LATENTS_PAGE (page));
  study = cs_page_study (CS_PAGE (page));
  run = study != NULL ? cs_study_find_run (study, run_name) : NULL;
  if (run == NULL)
    return;
  cs_latent_header_choose (page->header, run);
  if (latent >= cs_latent_list_n_latents (page->list))
    return;
  if (cs_latent_list_position (page->list, latent) < 0)
    {
      /* Asked for by number: nothing may hide it. */
      CsLatentFilter filter = { .classes = 0xf };

      cs_latent_header_reset (page->header);
      gtk_editable_set_text (GTK_EDITABLE (page->search_entry), "");
      cs_latent_prompt_search_ask (page->prompt_search, "");
      filter.hide_dead = !cs_latent_list_row (page->list, latent)->dead;
      cs_latent_list_set_filter (page->list, &filter);
    }
  cs_latents_page_select (page, latent, true);
  /* A table that is shown for the first time has no rows to scroll to yet. */
  if (page->scroll_source == 0)
    page->scroll_source = g_idle_add (scroll_later_cb, page);
}

/* --- Class --- */

static void
cs_latents_page_dispose (GObject *object)
{
  CsLatentsPage *self = CS_LATENTS_PAGE (object);

  g_clear_handle_id (&self->scroll_source, g_source_remove);
  if (self->header != NULL)
    {
      watch_job (self, NULL);
      if (self->run != NULL)
        g_signal_handlers_disconnect_by_data (self->run, self);
      cs_latent_detail_set_run (self->detail, NULL, NULL, NULL, NULL);
      cs_latent_prompt_search_set_list (self->prompt_search, NULL);
      cs_latent_table_set_list (self->table, NULL);
      cs_latent_plots_set_list (self->plots, NULL);
      cs_latent_header_set_runs (self->header, NULL);
      g_signal_handlers_disconnect_by_data (self->header, self);
    }
  g_clear_object (&self->header);
  g_clear_object (&self->exchange);
  g_clear_object (&self->run);
  g_clear_object (&self->shown_run);
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_data (self->list, self);
  g_clear_object (&self->list);
  G_OBJECT_CLASS (cs_latents_page_parent_class)->dispose (object);
}

static void
cs_latents_page_finalize (GObject *object)
{
  g_array_unref (CS_LATENTS_PAGE (object)->history);
  G_OBJECT_CLASS (cs_latents_page_parent_class)->finalize (object);
}

static void
bind_template (GtkWidgetClass *klass)
{
#define BIND(name) gtk_widget_class_bind_template_child (klass, CsLatentsPage, name)
  BIND (stack);
  BIND (status);
  BIND (progress);
  BIND (status_button);
  BIND (leaflet);
  BIND (search_bar);
  BIND (search_entry);
  BIND (prompt_search);
  BIND (plots);
  BIND (count);
  BIND (chips);
  BIND (table);
  BIND (detail);
  BIND (exchange_button);
#undef BIND
  gtk_widget_class_bind_template_callback (klass, status_clicked_cb);
  gtk_widget_class_bind_template_callback (klass, filter_changed_cb);
  gtk_widget_class_bind_template_callback (klass, search_activated_cb);
  gtk_widget_class_bind_template_callback (klass, row_activated_cb);
  gtk_widget_class_bind_template_callback (klass, folded_cb);
}

static void
cs_latents_page_class_init (CsLatentsPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_latents_page_dispose;
  G_OBJECT_CLASS (klass)->finalize = cs_latents_page_finalize;
  CS_PAGE_CLASS (klass)->study_changed = cs_latents_page_study_changed;
  g_type_ensure (CS_TYPE_LATENT_PROMPT_SEARCH);
  g_type_ensure (CS_TYPE_LATENT_PLOTS);
  g_type_ensure (CS_TYPE_LATENT_TABLE);
  g_type_ensure (CS_TYPE_LATENT_COLUMNS);
  g_type_ensure (CS_TYPE_LATENT_DETAIL);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/crosscope/Crosscope/ui/latents-page.ui");
  bind_template (widget_class);
  cs_latents_page_install_actions (widget_class);
}

static void
connect_parts (CsLatentsPage *self)
{
  g_object_bind_property (cs_latent_header_search_button (self->header), "active",
                          self->search_bar, "search-mode-enabled",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  gtk_search_bar_connect_entry (self->search_bar, GTK_EDITABLE (self->search_entry));
  g_signal_connect_swapped (self->header, "run-changed", G_CALLBACK (run_changed_cb), self);
  g_signal_connect_swapped (self->header, "filter-changed", G_CALLBACK (filter_changed_cb), self);
  g_signal_connect_swapped (self->list, "visible-changed", G_CALLBACK (visible_changed_cb), self);
  g_signal_connect_swapped (self->list, "selected-changed", G_CALLBACK (selected_changed_cb), self);
  g_signal_connect_swapped (self->plots, "latent-activated", G_CALLBACK (latent_activated_cb), self);
  cs_latent_prompt_search_set_list (self->prompt_search, self->list);
  cs_latent_table_set_list (self->table, self->list);
  cs_latent_plots_set_list (self->plots, self->list);
}

static void
cs_latents_page_init (CsLatentsPage *self)
{
  self->history = g_array_new (FALSE, FALSE, sizeof (size_t));
  self->list = cs_latent_list_new ();
  gtk_widget_init_template (GTK_WIDGET (self));
  self->header = CS_LATENT_HEADER (g_object_ref_sink (cs_latent_header_new ()));
  cs_latents_page_add_exchange (self);
  g_object_set (self, "header", self->header, NULL);
  connect_parts (self);
  cs_latents_page_add_shortcuts (self);
  cs_latents_page_update_actions (self);
  folded_cb (self);
  cs_latents_page_update (self);
}
