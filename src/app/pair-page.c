#include "pair-page.h"

#include <glib/gi18n.h>
#include <math.h>

#include "behaviour-card.h"
#include "cached-models.h"
#include "dialogs.h"
#include "feedback.h"
#include "harvest.h"
#include "make-chat-card.h"
#include "model-card.h"
#include "probe-row.h"
#include "theme-colors.h"

struct _CsPairPage
{
  CsPage parent;
  GtkStack *stack;
  GtkFlowBox *cards;
  GtkBox *cached;
  AdwPreferencesGroup *checks_group, *taste_group;
  GtkWidget *layer_card, *template_card;
  GtkScale *layer;
  GtkLabel *layer_text, *layer_hint, *template_text;
  CsBehaviourCard *behaviours;
  CsMakeChatCard *make_chat;

  CsModelCard *card[2];
  GPtrArray *check_rows;
  GCancellable *cancellable;
  CsPairFacts *facts;   /* NULL while not known */
  GtkWidget *taste;
  char *shown[2];       /* folders that the facts are about */
  guint save_layer, queued_read;
  bool loading;
};

G_DEFINE_FINAL_TYPE (CsPairPage, cs_pair_page, CS_TYPE_PAGE)

/* --- Check list --- */

/* The tokens that differ, under the row. */
static void
add_details (AdwExpanderRow *row, char **details)
{
  g_autofree char *lines = g_strjoinv ("\n", details);
  GtkWidget *label = gtk_label_new (lines), *child = gtk_list_box_row_new ();

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  gtk_widget_add_css_class (label, "monospace");
  gtk_widget_set_margin_top (label, 12);
  gtk_widget_set_margin_bottom (label, 12);
  gtk_widget_set_margin_start (label, 12);
  gtk_widget_set_margin_end (label, 12);
  gtk_accessible_update_property (GTK_ACCESSIBLE (label), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Tokens that differ"), -1);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (child), label);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (child), FALSE);
  adw_expander_row_add_row (row, child);
}

static GtkWidget *
check_row_new (const CsPairCheck *check)
{
  GtkWidget *row = check->details != NULL ? adw_expander_row_new () : adw_action_row_new ();
  GtkWidget *icon = gtk_image_new_from_icon_name (check->ok ? "emblem-ok-symbolic" : "dialog-error-symbolic");
  g_autofree char *title = g_markup_escape_text (check->title, -1);
  g_autofree char *text = g_markup_escape_text (check->text, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  gtk_widget_add_css_class (icon, check->ok ? "success" : "error");
  gtk_accessible_update_property (GTK_ACCESSIBLE (icon), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  check->ok ? _ ("Fits") : _ ("Does not fit"), -1);
  if (check->details == NULL)
    {
      adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
      adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 0);
      adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);
      return row;
    }
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (row), text);
  adw_expander_row_add_prefix (ADW_EXPANDER_ROW (row), icon);
  add_details (ADW_EXPANDER_ROW (row), check->details);
  return row;
}

static void
show_checks (CsPairPage *self)
{
  const GArray *checks = self->facts != NULL ? self->facts->checks : NULL;
  bool all = checks != NULL;

  for (guint i = 0; i < self->check_rows->len; i++)
    adw_preferences_group_remove (self->checks_group, g_ptr_array_index (self->check_rows, i));
  g_ptr_array_set_size (self->check_rows, 0);
  for (guint i = 0; checks != NULL && i < checks->len; i++)
    {
      const CsPairCheck *check = &g_array_index (checks, CsPairCheck, i);
      GtkWidget *row = check_row_new (check);

      all &= check->ok;
      adw_preferences_group_add (self->checks_group, row);
      g_ptr_array_add (self->check_rows, row);
    }
  gtk_widget_set_visible (GTK_WIDGET (self->checks_group), checks != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->taste_group), all);
  if (checks == NULL)
    {
      cs_page_set_status (CS_PAGE (self), NULL);
      return;
    }
  adw_preferences_group_set_description (self->checks_group,
                                         all ? _ ("The two models can be compared") : _ ("These two cannot be compared yet"));
  cs_page_set_status (CS_PAGE (self), all ? NULL : "!");
}

/* --- Chat template --- */

static void
add_color (PangoAttrList *list, const CsTokenSpan *span, const GdkRGBA *color)
{
  PangoAttribute *attribute =
    pango_attr_foreground_new ((guint16) lroundf (color->red * 65535), (guint16) lroundf (color->green * 65535),
                               (guint16) lroundf (color->blue * 65535));

  attribute->start_index = span->start;
  attribute->end_index = span->end;
  pango_attr_list_insert (list, attribute);
}

/* What the template adds stands out: markers in the accent colour, roles bold, contents plain. */
static PangoAttrList *
attributes_of (CsPairPage *self, const CsRendering *rendering)
{
  PangoAttrList *list = pango_attr_list_new ();
  GdkRGBA accent = { 0.2f, 0.5f, 0.9f, 1 };

  cs_compat_lookup_color (GTK_WIDGET (self), "accent_color", &accent);
  for (guint i = 0; i < rendering->kinds->len && i < rendering->spans->len; i++)
    {
      const CsTokenSpan *span = &g_array_index (rendering->spans, CsTokenSpan, i);
      uint8_t kind = g_array_index (rendering->kinds, uint8_t, i);

      if (!cs_token_kind_is_template (kind))
        continue;
      add_color (list, span, &accent);
      if (kind == CS_TOKEN_ROLE)
        {
          PangoAttribute *bold = pango_attr_weight_new (PANGO_WEIGHT_BOLD);

          bold->start_index = span->start;
          bold->end_index = span->end;
          pango_attr_list_insert (list, bold);
        }
    }
  return list;
}

static void
show_template (CsPairPage *self)
{
  const CsPairFacts *facts = self->facts;
  g_autoptr (PangoAttrList) attributes = NULL;

  gtk_widget_set_visible (self->template_card,
                          facts != NULL && (facts->rendering != NULL || facts->template_problem != NULL));
  if (facts == NULL)
    return;
  if (facts->rendering == NULL)
    {
      gtk_label_set_attributes (self->template_text, NULL);
      gtk_label_set_text (self->template_text, facts->template_problem != NULL ? facts->template_problem : "");
      return;
    }
  attributes = attributes_of (self, facts->rendering);
  gtk_label_set_text (self->template_text, facts->rendering->text);
  gtk_label_set_attributes (self->template_text, attributes);
}

/* --- Layer --- */

static size_t
n_layers_of (CsPairPage *self)
{
  const CsModelFacts *chat = self->facts != NULL ? self->facts->model[1] : NULL;
  const CsModelFacts *base = self->facts != NULL ? self->facts->model[0] : NULL;

  if (chat != NULL && base != NULL && chat->problem == NULL && base->problem == NULL)
    return MIN (chat->n_layers, base->n_layers);
  return 0;
}

static void
describe_layer (CsPairPage *self)
{
  size_t n = n_layers_of (self), layer = (size_t) (gtk_range_get_value (GTK_RANGE (self->layer)) + 0.5);
  gssize stored = self->facts != NULL ? self->facts->store_layer : -1;
  g_autofree char *text = NULL, *hint = NULL;

  text = g_strdup_printf (layer == cs_layer_middle (n)
                            ? _ ("Layer %zu of %zu, the middle: the residual stream after block %zu, counted from 0")
                            : _ ("Layer %zu of %zu: the residual stream after block %zu, counted from 0"),
                          layer, n, layer);
  gtk_label_set_text (self->layer_text, text);
  if (stored >= 0 && (size_t) stored != layer)
    hint = g_strdup_printf (_ ("The activations of this study are of layer %zd. Another layer needs a study of its own."), stored);
  gtk_label_set_text (self->layer_hint, hint != NULL ? hint : "");
  gtk_widget_set_visible (GTK_WIDGET (self->layer_hint), hint != NULL);
}

static void
show_layer (CsPairPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  size_t n = n_layers_of (self), layer;

  gtk_widget_set_visible (self->layer_card, n > 0);
  if (n == 0 || study == NULL)
    return;
  layer = cs_study_layer (study);
  self->loading = true;
  gtk_scale_clear_marks (self->layer);
  gtk_range_set_range (GTK_RANGE (self->layer), 0, n > 1 ? (double) (n - 1) : 1);
  for (size_t i = 0; i < n && n <= 64; i += n > 16 ? 4 : 1)
    {
      g_autofree char *mark = g_strdup_printf ("%zu", i);
      gtk_scale_add_mark (self->layer, (double) i, GTK_POS_BOTTOM, mark);
    }
  gtk_widget_set_sensitive (GTK_WIDGET (self->layer), n > 1);
  gtk_range_set_value (GTK_RANGE (self->layer), (double) MIN (layer == CS_LAYER_MIDDLE ? cs_layer_middle (n) : layer, n - 1));
  self->loading = false;
  describe_layer (self);
}

static gboolean
save_layer_cb (void *data)
{
  CsPairPage *self = data;
  CsStudy *study = cs_page_study (CS_PAGE (self));
  g_autoptr (GError) error = NULL;

  self->save_layer = 0;
  if (study != NULL
      && !cs_study_set_layer (study, (size_t) (gtk_range_get_value (GTK_RANGE (self->layer)) + 0.5), &error))
    cs_feedback_error (GTK_WIDGET (self), &error);
  return G_SOURCE_REMOVE;
}

static void
layer_changed_cb (CsPairPage *self)
{
  if (self->loading)
    return;
  describe_layer (self);
  g_clear_handle_id (&self->save_layer, g_source_remove);
  self->save_layer = g_timeout_add (400, save_layer_cb, self);
}

/* --- Study --- */

static void
show_facts (CsPairPage *self)
{
  for (int i = 0; i < 2; i++)
    cs_model_card_show (self->card[i], self->shown[i], self->facts != NULL ? self->facts->model[i] : NULL);
  show_checks (self);
  show_template (self);
  if (self->save_layer == 0)
    show_layer (self);
}

static void
facts_cb (GObject *source, GAsyncResult *result, void *data)
{
  CsPairPage *self = CS_PAIR_PAGE (source);
  CsPairFacts *facts = cs_pair_facts_finish (result, NULL);

  if (facts == NULL) /* other folders were chosen since */
    return;
  g_clear_pointer (&self->facts, cs_pair_facts_free);
  self->facts = facts;
  if (self->stack != NULL)
    show_facts (self);
}

static gboolean
read_cb (void *data)
{
  CsPairPage *self = data;
  CsStudy *study = cs_page_study (CS_PAGE (self));
  g_autofree char *store = study != NULL && !cs_study_has_active_jobs (study) ? cs_study_store_path (study) : NULL;
  g_autoptr (CsPairSource) pair = NULL;

  self->queued_read = 0;
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (study == NULL || (self->shown[0] == NULL && self->shown[1] == NULL))
    return G_SOURCE_REMOVE;
  self->cancellable = g_cancellable_new ();
  pair = cs_study_pair_source (study);
  cs_pair_facts_async (G_OBJECT (self), pair, store, self->cancellable, facts_cb, NULL);
  return G_SOURCE_REMOVE;
}

static void
study_changed_cb (CsPairPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  bool any = false, other = false;

  for (int i = 0; i < 2; i++)
    {
      const char *folder = study != NULL ? cs_study_model_folder (study, i) : NULL;

      any |= folder != NULL;
      other |= g_strcmp0 (folder, self->shown[i]) != 0;
      g_free (self->shown[i]);
      self->shown[i] = g_strdup (folder);
    }
  if (other)
    {
      g_clear_pointer (&self->facts, cs_pair_facts_free);
      cs_probe_row_reset (self->taste);
    }
  gtk_stack_set_visible_child_name (self->stack, study == NULL ? "none" : any ? "pair" : "choose");
  show_facts (self);
  if (self->queued_read == 0)
    self->queued_read = g_timeout_add (50, read_cb, self);
}

static void
cs_pair_page_study_changed (CsPage *page, CsStudy *old)
{
  CsPairPage *self = CS_PAIR_PAGE (page);
  CsStudy *study = cs_page_study (page);

  g_clear_handle_id (&self->save_layer, g_source_remove);
  if (old != NULL)
    g_signal_handlers_disconnect_by_data (old, self);
  if (self->stack == NULL)
    return;
  g_clear_pointer (&self->facts, cs_pair_facts_free);
  cs_behaviour_card_set_study (self->behaviours, study);
  cs_make_chat_card_set_study (self->make_chat, study);
  if (study != NULL)
    g_signal_connect_object (study, "changed", G_CALLBACK (study_changed_cb), self, G_CONNECT_SWAPPED);
  study_changed_cb (self);
}

/* --- Choosing --- */

static void
folder_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsStudy *study = cs_page_study (CS_PAGE (widget));
  g_autoptr (GError) error = NULL;

  if (path != NULL && study != NULL && !cs_study_set_model_folder (study, GPOINTER_TO_INT (data), path, &error))
    cs_feedback_error (widget, &error);
}

static void
choose_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  int model = g_variant_get_int32 (parameter);

  if (cs_page_study (CS_PAGE (widget)) != NULL && (model == 0 || model == 1))
    cs_compat_choose (widget, CS_CHOOSE_FOLDER,
                      model == 0 ? _ ("Choose the Base Model's Folder") : _ ("Choose the Chat Model's Folder"),
                      _ ("_Choose"), NULL, folder_chosen_cb, GINT_TO_POINTER (model));
}

static void
use_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  int model;
  const char *folder;

  g_variant_get (parameter, "(i&s)", &model, &folder);
  if (model == 0 || model == 1)
    folder_chosen_cb (widget, folder, GINT_TO_POINTER (model));
}

/* --- Life --- */

/* The accent colour is another one in the dark. */
static void
dark_changed_cb (CsPairPage *self)
{
  if (self->stack != NULL)
    show_template (self);
}

static void
cs_pair_page_dispose (GObject *object)
{
  CsPairPage *self = CS_PAIR_PAGE (object);

  self->stack = NULL;
  g_clear_handle_id (&self->save_layer, g_source_remove);
  g_clear_handle_id (&self->queued_read, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  G_OBJECT_CLASS (cs_pair_page_parent_class)->dispose (object);
}

static void
cs_pair_page_finalize (GObject *object)
{
  CsPairPage *self = CS_PAIR_PAGE (object);

  g_clear_pointer (&self->facts, cs_pair_facts_free);
  g_clear_pointer (&self->check_rows, g_ptr_array_unref);
  g_free (self->shown[0]);
  g_free (self->shown[1]);
  G_OBJECT_CLASS (cs_pair_page_parent_class)->finalize (object);
}

static void
cs_pair_page_class_init (CsPairPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_pair_page_dispose;
  G_OBJECT_CLASS (klass)->finalize = cs_pair_page_finalize;
  CS_PAGE_CLASS (klass)->study_changed = cs_pair_page_study_changed;
  gtk_widget_class_install_action (widget_class, "pair.choose", "i", choose_action);
  gtk_widget_class_install_action (widget_class, "pair.use", "(is)", use_action);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/pair-page.ui");
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, behaviours);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, stack);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, cards);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, cached);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, checks_group);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, taste_group);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, make_chat);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, layer_card);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, layer);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, layer_text);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, layer_hint);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, template_card);
  gtk_widget_class_bind_template_child (widget_class, CsPairPage, template_text);
  gtk_widget_class_bind_template_callback (widget_class, layer_changed_cb);
}

static CsStudy *
study_of (void *page)
{
  return cs_page_study (CS_PAGE (page));
}

static void
cs_pair_page_init (CsPairPage *self)
{
  self->check_rows = g_ptr_array_new ();
  self->loading = true;
  g_type_ensure (CS_TYPE_BEHAVIOUR_CARD);
  g_type_ensure (CS_TYPE_MAKE_CHAT_CARD);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->loading = false;
  g_object_set (self, "page-name", "pair", "title", _ ("Pair"), "icon-name", "view-dual-symbolic", NULL);
  self->taste = cs_pair_taste_row_new (study_of, self);
  adw_preferences_group_add (self->taste_group, self->taste);
  for (int i = 0; i < 2; i++)
    {
      GtkWidget *child = gtk_flow_box_child_new ();
      GtkWidget *cached = cs_cached_models_button_new (i);

      gtk_menu_button_set_label (GTK_MENU_BUTTON (cached), gtk_widget_get_tooltip_text (cached));
      gtk_box_append (self->cached, cached);
      self->card[i] = CS_MODEL_CARD (cs_model_card_new (i));
      gtk_flow_box_child_set_child (GTK_FLOW_BOX_CHILD (child), GTK_WIDGET (self->card[i]));
      gtk_widget_set_focusable (child, FALSE);
      gtk_widget_add_css_class (child, "plot-cell");
      gtk_flow_box_append (self->cards, child);
    }
  g_signal_connect_object (adw_style_manager_get_default (), "notify::dark", G_CALLBACK (dark_changed_cb), self,
                           G_CONNECT_SWAPPED);
}
