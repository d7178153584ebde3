<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Coverage;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/**
 * Settings. All options are told but those that WordPress keeps for itself: which options a plugin has nobody knows
 * beforehand. Theme settings are one option for each theme, and told by what is in it.
 */
final class Options extends Watcher {
	private const NOT_TOLD = '/^(_transient_.*|_site_transient_.*|cron|rewrite_rules|.*_children|user_count|recently_edited|recently_activated|theme_switched|theme_switch_.*|.*\.lock|.*_lock|db_upgraded|fresh_site|can_compress_scripts|finished_.*|_split_terms|nav_menu_options|current_theme|theme_mods_.*_backup|category_count|https_detection_errors|auto_core_update_notified|wp_calendar_block_has_published_posts|action_scheduler_.*|_wp_suggested_policy_text_has_changed)$/';
	/** Told by Extensions and Widgets. */
	private const EXTENSIONS = array( 'active_plugins', 'stylesheet', 'template' );

	public function hook(): void {
		Hooks::add( 'update_option', fn ( $name ) => $this->route( (string) $name ) );
		Hooks::add( 'add_option', fn ( $name ) => $this->route( (string) $name ) );
		Hooks::add( 'delete_option', fn ( $name ) => $this->route( (string) $name ) );
	}

	public static function is_told( string $name ): bool {
		return (bool) apply_filters( 'indelible_is_option_told', 1 !== preg_match( self::NOT_TOLD, $name ), $name );
	}

	private function route( string $name ): void {
		if ( in_array( $name, self::EXTENSIONS, true ) ) {
			Coverage::watcher( Extensions::class )->touch( '' );
		} elseif ( 'sidebars_widgets' === $name || str_starts_with( $name, 'widget_' ) ) {
			Coverage::watcher( Widgets::class )->touch( '' );
		} elseif ( self::is_told( $name ) ) {
			$this->touch( $name );
		}
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$row = $wpdb->get_row( $wpdb->prepare( "SELECT option_value FROM $wpdb->options WHERE option_name = %s", $id ) );
		return null === $row ? null : array( 'value' => Value::stored( $row->option_value ) );
	}

	public function states( array $ids ): array {
		global $wpdb;
		$marks  = implode( ',', array_fill( 0, count( $ids ), '%s' ) );
		$rows   = $wpdb->get_results( $wpdb->prepare( "SELECT option_name, option_value FROM $wpdb->options WHERE option_name IN ($marks)", $ids ) );
		$states = array_fill_keys( $ids, null );
		foreach ( (array) $rows as $row ) {
			if ( array_key_exists( $row->option_name, $states ) ) {
				$states[ $row->option_name ] = array( 'value' => Value::stored( $row->option_value ) );
			}
		}
		// The database takes names for the same that differ in case or accents.
		if ( count( $rows ) > count( array_filter( $states ) ) ) {
			return parent::states( $ids );
		}
		return $states;
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		if ( str_starts_with( $id, 'theme_mods_' ) ) {
			return ThemeMods::changes( substr( $id, strlen( 'theme_mods_' ) ), (array) ( $before['value'] ?? array() ), (array) ( $after['value'] ?? array() ) );
		}
		return array( self::change( 'option', $id, $before, $after ) );
	}

	public static function change( string $type, string $id, ?array $before, ?array $after, ?int $blog = null, array $data = array() ): Change {
		if ( Value::is_secret( $id ) ) {
			[ $old, $new ] = Value::masked( $before['value'] ?? null, $after['value'] ?? null );
			$before        = null === $before ? null : array( 'value' => $old );
			$after         = null === $after ? null : array( 'value' => $new );
		}
		return new Change( 'settings.' . self::verb( $before, $after ), $type, $id, self::label( $id ), $before, $after, blog: $blog, data: $data );
	}

	/** The label of a registered setting, else its name. */
	private static function label( string $id ): string {
		$setting = get_registered_settings()[ $id ] ?? array();
		$labels  = array( 'blogname' => 'Site Title', 'blogdescription' => 'Tagline' );
		return (string) ( $setting['label'] ?? $labels[ $id ] ?? $id );
	}
}
