<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Coverage\Options;
use Indelible\Value;
use Indelible\Watcher;

/** Settings. */
final class Option extends Subject {
	protected function watcher(): Watcher {
		return self::watched_by( Options::class );
	}

	public function change( array $before, array $wanted ): void {
		$this->check();
		if ( ! array_key_exists( 'value', $wanted ) ) {
			self::done( delete_option( $this->order->id ) );
			return;
		}
		update_option( $this->order->id, $wanted['value'] );
	}

	public function make( array $wanted ): void {
		$this->check();
		self::done( add_option( $this->order->id, $wanted['value'] ?? null ) );
	}

	private function check(): void {
		global $wpdb;
		$name = $this->order->id;
		if ( str_ends_with( $name, 'user_roles' ) ) {
			throw new Impossible( 'what roles may do is decided in WordPress' );
		}
		if ( ! Options::is_told( $name ) || Value::is_secret( $name ) || str_starts_with( $name, 'theme_mods_' ) || str_starts_with( $name, 'widget_' ) || in_array( $name, array( 'sidebars_widgets', 'active_plugins', 'stylesheet', 'template' ), true ) ) {
			throw new Impossible( "`$name` is not a setting that is put back from here" );
		}
		Meta::check_stored( $wpdb->get_var( $wpdb->prepare( "SELECT option_value FROM $wpdb->options WHERE option_name = %s", $name ) ) );
	}
}
