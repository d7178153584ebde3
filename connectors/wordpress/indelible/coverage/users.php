<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Hooks;
use Indelible\Value;
use Indelible\Watcher;

/** Users with their roles on each blog, profile fields and application passwords. Never a password nor its hash. */
final class Users extends Watcher {
	/** What the administration remembers of where somebody left it. */
	private const META_NOT_TOLD = '/^(session_tokens|_application_passwords|.*user_level|.*user-settings(-time)?|.*dashboard_quick_press_last_post_id|closedpostboxes_.*|metaboxhidden_.*|meta-box-order_.*|screen_layout_.*|manage.*columnshidden|managenav-menuscolumnshidden|nav_menu_recently_edited|dismissed_wp_pointers|community-events-location|default_password_nag|.*persisted_preferences|.*_per_page|_new_email)$/';

	/** @var array<string, string> Hashes of passwords as they were, for as long as the request takes. */
	private array $hashes = array();

	public function hook(): void {
		Hooks::peek( 'wp_pre_insert_user_data', fn ( $data, $update, $id ) => $update && $this->touch( (int) $id ) );
		Hooks::add( 'user_register', fn ( $id ) => $this->created( (int) $id ) );
		Hooks::add( 'delete_user', fn ( $id ) => $this->touch( (int) $id ) );
		Hooks::add( 'wpmu_delete_user', fn ( $id ) => $this->touch( (int) $id ) );
		Hooks::add( 'grant_super_admin', fn ( $id ) => $this->touch( (int) $id ) );
		Hooks::add( 'revoke_super_admin', fn ( $id ) => $this->touch( (int) $id ) );
		Hooks::add( 'password_reset', fn ( $user ) => $this->touch( (int) $user->ID ) );
		Hooks::add( 'make_spam_user', fn ( $id ) => $this->touch( (int) $id ) );
		Hooks::add( 'make_ham_user', fn ( $id ) => $this->touch( (int) $id ) );
		$this->hook_meta( 'user', static fn ( string $key ): bool => '_application_passwords' === $key || self::is_told( $key ) );
	}

	public static function is_told( string $key ): bool {
		return 1 !== preg_match( self::META_NOT_TOLD, $key );
	}

	public function is_of_network(): bool {
		return true;
	}

	public function state( string $id ): ?array {
		global $wpdb;
		$row = $wpdb->get_row( $wpdb->prepare( "SELECT * FROM $wpdb->users WHERE ID = %d", (int) $id ) );
		if ( null === $row ) {
			return null;
		}
		$meta  = (array) self::meta( 'user', (int) $id, self::is_told( ... ) );
		$roles = array();
		foreach ( $meta as $key => $value ) {
			// `wp_capabilities`, and `wp_2_capabilities` for blog 2.
			if ( preg_match( '/^' . preg_quote( $wpdb->base_prefix, '/' ) . '(?:(\d+)_)?capabilities$/', $key, $found ) ) {
				$roles[ 'blog ' . ( $found[1] ?? '1' ) ] = array_keys( array_filter( (array) $value ) );
				unset( $meta[ $key ] );
			}
		}
		$this->hashes[ $id ] ??= $row->user_pass;
		return array(
			'login'        => $row->user_login,
			'email'        => $row->user_email,
			'nicename'     => $row->user_nicename,
			'display_name' => Value::utf8( $row->display_name ),
			'url'          => $row->user_url,
			// The log's own markers: they say whether it changed, and nothing else.
			'password'     => $this->hashes[ $id ] === $row->user_pass ? '[masked]' : '[masked 2]',
			'roles'        => $roles ? $roles : new \stdClass(),
			'applications' => self::applications( (int) $id ),
			'meta'         => $meta ? $meta : new \stdClass(),
		) + ( is_multisite() ? array( 'super_admin' => is_super_admin( (int) $id ), 'spam' => (bool) $row->spam ) : array() );
	}

	/** Application passwords by name. When one was last used is no change of the user. */
	private static function applications( int $id ): array {
		$told = static fn ( array $one ): array => array( 'id' => $one['uuid'], 'name' => $one['name'], 'app_id' => $one['app_id'] ?? '', 'created' => $one['created'] ?? null );
		$meta = (array) self::meta( 'user', $id, static fn ( string $key ): bool => '_application_passwords' === $key );
		return array_map( $told, array_values( array_filter( (array) ( $meta['_application_passwords'] ?? array() ), 'is_array' ) ) );
	}

	public function changes( string $id, ?array $before, ?array $after ): array {
		if ( null === $before ) {
			$after['password'] = '[masked]'; // Whatever it was while the user was made.
		}
		$now   = $after ?? $before;
		$title = '' === $now['display_name'] ? $now['login'] : $now['display_name'];
		return array( new Change( 'users.' . self::verb( $before, $after ), 'user', $id, $title, $before, $after ) );
	}
}
