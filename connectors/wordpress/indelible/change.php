<?php
declare( strict_types=1 );

namespace Indelible;

/** What happened to one entity, before it is an entry. */
final class Change {
	/**
	 * @param string      $action  Connector and action as Stream names them: `posts.updated`.
	 * @param string|null $kind    Where the action's registered kind is not the right one here.
	 * @param int|null    $blog    Where it is not the blog that was touched; 0 is the network.
	 */
	public function __construct(
		public readonly string $action,
		public readonly string $type,
		public readonly string $id,
		public readonly string $title = '',
		public readonly ?array $before = null,
		public readonly ?array $after = null,
		public readonly ?string $kind = null,
		public readonly ?int $blog = null,
		public readonly ?string $summary = null,
		public readonly ?string $url = null,
		public readonly bool $failed = false,
		public readonly array $data = array(),
		public readonly ?array $actor = null,
	) {}

	/** The entry, but for what the outbox adds. */
	public function entry( array $actor, string $occurred_at ): array {
		$entity = array(
			'type'  => substr( $this->type, 0, 255 ),
			'id'    => substr( Value::utf8( $this->id ), 0, 2000 ),
			'title' => mb_substr( Value::utf8( $this->title ), 0, 500 ),
			'url'   => $this->url,
		);
		$entry  = array(
			'id'             => Id::now(),
			'occurred_at'    => $occurred_at,
			'actor'          => $this->actor ?? $actor,
			'action'         => 'wp.' . $this->action,
			'kind'           => $this->kind ?? self::kind_of( $this->action ),
			'outcome'        => $this->failed ? 'failure' : 'success',
			'entity'         => array_filter( $entity, static fn ( ?string $text ): bool => null !== $text && '' !== $text ),
			'summary'        => null === $this->summary ? null : mb_substr( $this->summary, 0, 2000 ),
			'before'         => null === $this->before ? null : (object) $this->before,
			'after'          => null === $this->after ? null : (object) $this->after,
			'origin'         => Request::origin(),
			'correlation_id' => Request::correlation(),
			'connector'      => 'wordpress',
			'data'           => $this->data + Guard::circumstances(),
		);
		$order  = Request::order();
		if ( null !== $order ) {
			$entry['data'] += array( 'reverts' => $order->entry_id );
			$entry['reason'] = '' === $order->reason ? null : $order->reason;
		}
		return array_filter( $entry, static fn ( mixed $part ): bool => null !== $part );
	}

	private static function kind_of( string $action ): string {
		return match ( substr( strrchr( $action, '.' ), 1 ) ) {
			'created', 'uploaded', 'installed', 'added' => 'create',
			'deleted', 'trashed', 'removed' => 'delete',
			'login', 'logout', 'login-failed', 'password-reset', 'forgot-password', 'authentication-failed', 'revert-asked' => 'access',
			'exported' => 'read',
			'bypass', 'started', 'restored', 'log-rewound', 'import-started', 'import-ended', 'incomplete' => 'other',
			default => 'update',
		};
	}
}
